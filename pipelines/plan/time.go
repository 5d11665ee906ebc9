package plan

import (
	"time"

	"moslava/internal/kernels"
	"moslava/internal/optim"
)

// Rates are what this machine does a second.
type Rates struct {
	Threads  int     `json:"threads"`
	ISA      string  `json:"isa"`
	Products float64 `json:"flops_per_s"`       // of a matrix product of a transformer's shape
	Bytes    float64 `json:"bytes_per_s"`       // of a sum of long vectors
	Updates  float64 `json:"adam_params_per_s"` // of the optimiser
}

// How much of those rates a step reaches: assumed, not fitted; docs/planning.md has the figures and the command.
const (
	productEfficiency   = 0.90
	skinnyEfficiency    = 0.65
	attentionEfficiency = 0.55
	bytesEfficiency     = 0.80
)

// Measure takes about 0.8 s.
func Measure(threads int) Rates {
	kernels.SetThreads(threads)
	r := Rates{Threads: kernels.Threads(), ISA: kernels.ISA()}
	const m, k, n = 704, 576, 1536
	a, c, w := make([]float32, m*k), make([]float32, m*n), make([]float32, n*k)
	fill(a)
	fill(w)
	b := kernels.Pack(w, n, k, kernels.F32)
	r.Products = rate(500*time.Millisecond, 2*m*k*n, func() { kernels.Mul(m, a, k, 1, b, c, n, false) })
	x, y, z := make([]float32, 4<<20), make([]float32, 4<<20), make([]float32, 4<<20)
	fill(x)
	fill(y)
	r.Bytes = rate(150*time.Millisecond, 12*len(x), func() { kernels.AddTo(z, x, y) })
	cfg := optim.Default()
	cfg.Threads = threads
	if opt, err := optim.NewAdamW(cfg); err == nil {
		p := []optim.Param{{Name: "p", Value: x[:1<<20], Grad: y[:1<<20], LR: 1}}
		r.Updates = rate(150*time.Millisecond, 1<<20, func() { _ = opt.Step(p, 1e-6) })
	}
	return r
}

// rate calls f, which does n things, for d in ten parts, and returns the best of what they reach a second: others that compute
// here at the time make it slower, and nothing makes it faster.
func rate(d time.Duration, n int, f func()) float64 {
	f() // pages and helpers
	best := 0.0
	for range 10 {
		start, calls := time.Now(), 0
		for calls == 0 || time.Since(start) < d/10 {
			f()
			calls++
		}
		best = max(best, float64(calls)*float64(n)/time.Since(start).Seconds())
	}
	return best
}

func fill(x []float32) {
	for i := range x {
		x[i] = float32(i%97)/97 - 0.5
	}
}

// seconds is the time of a step that updates so many parameters.
func (r Rates) seconds(w Work, trained int) float64 {
	const clipping = 8 // bytes read and written a parameter, beside the update
	return w.Products/(r.Products*productEfficiency) + w.Skinny/(r.Products*skinnyEfficiency) + w.Attention/(r.Products*attentionEfficiency) +
		(w.Bytes+clipping*float64(trained))/(r.Bytes*bytesEfficiency) + float64(trained)/r.Updates
}
