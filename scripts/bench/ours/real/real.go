// Package real puts together the model that all rows of the benchmark run, and reports as the peers do: one JSON
// line with times and peak memory.
package real

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"moslava/internal/checkpoint"
	"moslava/internal/device"
	"moslava/language/chat"
	"moslava/pipelines/vlm"
)

// Options say which model is put together.
type Options struct {
	Dir       string // what scripts/weights/real_weights.py wrote
	Projector string // safetensors file of its four tensors; empty: drawn at random
	Side      int    // pixels; 0 keeps the crop of the vision tower's preprocessor
	Template  string // of a built-in chat template; empty: the decoder's own
}

// gcPercent is what scripts/moslava sets.
const gcPercent = 30

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// Model is DINOv2-small, a projector and SmolLM2-135M-Instruct.
func Model(o Options) (*vlm.Model, *vlm.Processor, error) {
	s := vlm.Spec{Towers: vlm.Towers{Vision: filepath.Join(o.Dir, "dinov2-small"), Language: filepath.Join(o.Dir, "smollm2-135m-instruct"),
		Projector: "mlp2x_gelu", FeatureLayers: []int{-2}, Strategy: "default"}}
	var opt vlm.Options
	if o.Template != "" {
		var err error
		if opt.Template, err = chat.Named(o.Template); err != nil {
			return nil, nil, err
		}
	}
	m, p, err := vlm.Open(s, opt)
	if err != nil {
		return nil, nil, err
	}
	if o.Side > 0 {
		p.Pixels = p.Pixels.WithSize(o.Side)
	}
	if o.Projector != "" {
		err = setProjector(m, o.Projector)
	}
	return m, p, err
}

// setProjector takes the projector's parameters from a file.
func setProjector(m *vlm.Model, path string) error {
	f, err := checkpoint.OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for q := range m.Params.All() {
		name, ok := strings.CutPrefix(q.Name, vlm.ProjectorPrefix)
		if !ok {
			continue
		}
		data, err := f.Float32(name, q.Shape)
		if err == nil {
			err = q.Set(data, q.Shape)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// Threads sets how many threads compute, here and in the Go runtime.
func Threads(n int) {
	runtime.GOMAXPROCS(n)
	device.Host.SetThreads(n)
}

// Report prints fields, with the process's peak memory, as one JSON line.
func Report(fields map[string]any) error {
	fields["peak_rss_mib"] = PeakRSS()
	return json.NewEncoder(os.Stdout).Encode(fields)
}

// PeakRSS is the high-water mark of resident memory in MiB, 0 where /proc has none.
func PeakRSS() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib / 1024
		}
	}
	return 0
}

// A Clock says how many cores others used while it ran: the machine's busy time less this process's own.
type Clock struct {
	at   time.Time
	busy float64
}

// Start begins.
func Start() Clock { return Clock{time.Now(), busyElsewhere()} }

// Stop returns the seconds since Start and the cores that other processes kept busy meanwhile.
func (c Clock) Stop() (seconds, others float64) {
	seconds = time.Since(c.at).Seconds()
	return seconds, max(0, (busyElsewhere()-c.busy)/max(seconds, 1e-3))
}

// busyElsewhere is the CPU time of the machine without this process's, in seconds, at the kernel's 100 ticks a second.
func busyElsewhere() float64 {
	const ticks = 100
	stat, err := os.ReadFile("/proc/stat")
	own, err2 := os.ReadFile("/proc/self/stat")
	if err != nil || err2 != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	sum := 0.0
	for i, f := range strings.Fields(line) { // cpu user nice system idle iowait irq softirq steal
		if i == 0 || i == 4 || i == 5 || i > 8 {
			continue
		}
		v, _ := strconv.ParseFloat(f, 64)
		sum += v
	}
	_, rest, _ := strings.Cut(string(own), ") ")
	f := strings.Fields(rest)
	for _, i := range []int{11, 12} { // utime, stime
		if i < len(f) {
			v, _ := strconv.ParseFloat(f[i], 64)
			sum -= v
		}
	}
	return sum / ticks
}

// Median of xs, 0 of none.
func Median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(xs))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
