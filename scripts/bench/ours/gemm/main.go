// Command gemm times x·Wᵀ at the shapes of a training step, for each storage of W, as peers/matmul.py does.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/scripts/bench/ours/real"
)

var kinds = map[string]kernels.Kind{"f32": kernels.F32, "bf16": kernels.BF16, "nf4": kernels.NF4}

func main() {
	threads := flag.Int("threads", 2, "")
	seconds := flag.Float64("seconds", 2, "for each shape and storage")
	shapes := shapeList{}
	flag.Var(&shapes, "shape", "`M,K,N`, may be repeated")
	flag.Parse()
	real.Threads(*threads)
	out := map[string]map[string]any{}
	for _, s := range shapes {
		row, x, w := map[string]any{}, draw(s[0]*s[1]), draw(s[1]*s[2])
		for name, kind := range kinds {
			row[name] = measure(s[0], s[1], s[2], x, w, kind, *seconds)
		}
		out[fmt.Sprintf("%d,%d,%d", s[0], s[1], s[2])] = row
	}
	if err := real.Report(map[string]any{"what": "gemm", "threads": *threads, "gflops": out}); err != nil {
		fmt.Fprintln(os.Stderr, "gemm:", err)
		os.Exit(1)
	}
}

type shapeList [][3]int

func (l *shapeList) String() string { return "" }

func (l *shapeList) Set(s string) error {
	var v [3]int
	_, err := fmt.Sscanf(s, "%d,%d,%d", &v[0], &v[1], &v[2])
	*l = append(*l, v)
	return err
}

// draw is n numbers from -1 to 1, the same ones each time.
func draw(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x
}

// measure returns GFLOP/s of the fastest and of the median product of x [m, k] and dense [n, k]; that is packed beforehand,
// as a frozen weight is.
func measure(m, k, n int, x, dense []float32, kind kernels.Kind, budget float64) map[string]any {
	w, c := device.Host.Workers().Pack(dense, n, k, kind), make([]float32, m*n)
	var seconds []float64
	clock := real.Start()
	for begin := time.Now(); time.Since(begin).Seconds() < budget || len(seconds) < 4; {
		start := time.Now()
		device.Host.Workers().Mul(m, x, k, 1, w, c, n, false)
		seconds = append(seconds, time.Since(start).Seconds())
	}
	_, others := clock.Stop()
	seconds = seconds[1:]
	best := seconds[0]
	for _, s := range seconds {
		best = min(best, s)
	}
	work := 2e-9 * float64(m) * float64(k) * float64(n)
	return map[string]any{"best": work / best, "median": work / real.Median(seconds), "n": len(seconds), "other_cores": others}
}
