package optim

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// The golden was written by torch 2.15.0 and transformers 5.23.0; the tolerance of trained
// tensors is ten times what float32 itself loses against float64 there.
const tol = 1e-5

// golden reads a safetensors file that is known to be sound.
type golden struct {
	head map[string]struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	data []byte
}

func openGolden(t *testing.T) *golden {
	t.Helper()
	b, err := os.ReadFile("testdata/adamw.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	n := int(binary.LittleEndian.Uint64(b))
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &raw); err != nil {
		t.Fatal(err)
	}
	delete(raw, "__metadata__")
	head, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{data: b[8+n:]}
	if err := json.Unmarshal(head, &g.head); err != nil {
		t.Fatal(err)
	}
	return g
}

// float64s returns a tensor of either width.
func (g *golden) float64s(t *testing.T, name string) []float64 {
	t.Helper()
	h, ok := g.head[name]
	if !ok {
		t.Fatalf("golden has no %s", name)
	}
	b := g.data[h.Offsets[0]:h.Offsets[1]]
	var out []float64
	if h.DType == "F64" {
		for ; len(b) > 0; b = b[8:] {
			out = append(out, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		return out
	}
	for ; len(b) > 0; b = b[4:] {
		out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}
	return out
}

func (g *golden) float32s(t *testing.T, name string) []float32 {
	t.Helper()
	var out []float32
	for _, v := range g.float64s(t, name) {
		out = append(out, float32(v))
	}
	return out
}

// near checks max|got-want| <= tol*max|want| and returns the ratio found.
func near(t *testing.T, what string, got []float32, want []float64, tol float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	diff, size := 0.0, 0.0
	for i, w := range want {
		diff, size = max(diff, math.Abs(float64(got[i])-w)), max(size, math.Abs(w))
	}
	if !(diff <= tol*size) {
		t.Errorf("%s: off by %.3g of %.3g, want at most %g of it", what, diff, size, tol)
	}
	return diff / size
}

var goldenCases = []struct {
	name   string
	decay  float64
	clip   float64
	groups bool // p1 without decay and at ten times the rate
}{{name: "plain"}, {name: "decay", decay: 0.1}, {name: "clip", decay: 0.1, clip: 1}, {name: "groups", decay: 0.1, groups: true}}

// TestGolden replays 30 steps of torch.optim.AdamW: p1 has no gradient in three of them.
func TestGolden(t *testing.T) {
	g := openGolden(t)
	for _, c := range goldenCases {
		t.Run(c.name, func(t *testing.T) {
			cfg := Default()
			cfg.WeightDecay = c.decay
			opt, err := NewAdamW(cfg)
			if err != nil {
				t.Fatal(err)
			}
			names := []string{"p0", "p1", "p2"}
			values, grads := map[string][]float32{}, map[string][]float32{}
			for _, n := range names {
				values[n], grads[n] = g.float32s(t, "start."+n), g.float32s(t, "grad."+n)
			}
			rates := g.float64s(t, c.name+".lr")
			worst := 0.0
			for step := range rates {
				var ps []Param
				for _, n := range names {
					size := len(values[n])
					p := Param{Name: n, Value: values[n], LR: 1, Decay: true}
					if n != "p1" || !slices.Contains([]int{4, 5, 17}, step) {
						p.Grad = slices.Clone(grads[n][step*size : (step+1)*size])
					}
					if c.groups && n == "p1" {
						p.LR, p.Decay = 10, false
					}
					ps = append(ps, p)
				}
				if c.clip > 0 {
					norm, err := ClipNorm(ps, c.clip)
					if err != nil {
						t.Fatal(err)
					}
					near(t, "norm", []float32{float32(norm)}, g.float64s(t, "clip.norm")[step:step+1], 1e-6)
				}
				if err := opt.Step(ps, rates[step]); err != nil {
					t.Fatal(err)
				}
				for _, n := range names {
					size := len(values[n])
					want := g.float64s(t, c.name+"."+n)[step*size : (step+1)*size]
					worst = max(worst, near(t, fmt.Sprintf("step %d %s", step, n), values[n], want, tol))
				}
			}
			for _, s := range opt.State() {
				name, kind, _ := strings.Cut(s.Name, ".")
				if kind == "step" {
					kind = "state_step"
				}
				near(t, s.Name, s.Data, g.float64s(t, c.name+"."+kind+"."+name), tol)
			}
			t.Logf("worst %.2g of the largest entry", worst)
		})
	}
}

// TestGoldenSchedules: transformers' factors for steps 0 to 50, to the last digit or two.
func TestGoldenSchedules(t *testing.T) {
	g := openGolden(t)
	for _, name := range []string{Cosine, Linear} {
		for _, w := range []int{0, 2, 5} {
			f, err := NewSchedule(name, 50, Warmup{Steps: w})
			if err != nil {
				t.Fatal(err)
			}
			for step, want := range g.float64s(t, fmt.Sprintf("lr.%s.w%d.t50", name, w)) {
				if got := f(step); math.Abs(got-want) > 1e-15 {
					t.Errorf("%s, warm-up %d, step %d: %v, want %v", name, w, step, got, want)
				}
			}
		}
	}
	f, err := NewSchedule(Cosine, 30, Warmup{Ratio: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	for step, want := range g.float64s(t, "clip.lr") {
		if got := 0.01 * f(step); math.Abs(got-want) > 1e-17 {
			t.Errorf("cosine, warm-up 3 of 30, step %d: %v, want %v", step, got, want)
		}
	}
}
