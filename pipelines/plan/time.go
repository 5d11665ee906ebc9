package plan

import (
	"time"

	"moslava/internal/kernels"
	"moslava/internal/optim"
	"moslava/pipelines/vlm"
)

// Rates are what this machine does a second.
type Rates struct {
	Threads  int     `json:"threads"`
	ISA      string  `json:"isa"`
	Products float64 `json:"flops_per_s"`       // of matrix products of the decoder's shape, forward and backward
	Bytes    float64 `json:"bytes_per_s"`       // of a sum of long vectors
	Updates  float64 `json:"adam_params_per_s"` // of the optimiser
}

// How much of those rates a step reaches. They belong to the program, not to a machine. The first four are what the kernels reach by
// themselves at the shapes of adapters and attention; overhead is fitted: it is the time measured over the sum of the others,
// for what nobody counts. After a change that makes steps faster or slower, run
//
//	scripts/bench/run.sh plan
//
// on an idle machine and multiply overhead by the median of 1 over its three ratios of time (planned over measured). If they are more than
// 20 % apart, one of the four is wrong: a profile of the recipe that is out of line says which.
const (
	productEfficiency   = 0.95
	skinnyEfficiency    = 0.65
	attentionEfficiency = 0.55
	bytesEfficiency     = 1.00
	overhead            = 1.05
)

// Product is a matrix product of the steps that are planned: so many rows times a weight [Out, In] that is kept as Kind.
type Product struct {
	Rows, In, Out int
	Kind          kernels.Kind
}

// ProductOf is the decoder's widest product in steps of these batches; of a large model, a part that is as fast.
func ProductOf(m *vlm.Model, s vlm.Storage, batches []Batch) Product {
	c := m.Config.Text
	p := Product{Rows: longest(batches).Tokens(), In: c.HiddenSize, Out: c.IntermediateSize, Kind: s.Language}
	p.Rows = min(max(p.Rows, 1), 2048)
	if p.In, p.Out = min(p.In, 2048), min(p.Out, 6144); p.Kind == kernels.NF4 || p.Kind == kernels.NF4Single {
		p.In, p.Out = (p.In+63)/64*64, (p.Out+63)/64*64
	}
	return p
}

// MeasureBytes is the memory that Measure takes: long vectors, the optimiser's moments, and a product with its weights in both storages.
func MeasureBytes(p Product) int {
	vectors := 3*longVector + 2*optimised
	product := p.Rows*(2*p.In+p.Out) + p.Out*p.In + max(2*p.Out*p.In, together+p.Out*p.In)
	return 4 * (vectors + product)
}

// How many elements are measured: more than a cache holds.
const (
	longVector = 16 << 20
	optimised  = 8 << 20
	together   = 16 << 20 // of all weights
)

// Measure takes about a second.
func Measure(threads int, p Product) Rates {
	on := kernels.Workers(max(1, threads))
	r := Rates{Threads: int(on), ISA: kernels.ISA()}
	r.Products = productRate(on, p)
	x, y, z := make([]float32, longVector), make([]float32, longVector), make([]float32, longVector)
	fill(x)
	fill(y)
	r.Bytes = rate(200*time.Millisecond, 12*len(x), func() { on.AddTo(z, x, y) })
	cfg := optim.Default()
	cfg.Threads = threads
	if opt, err := optim.NewAdamW(cfg); err == nil {
		p := []optim.Param{{Name: "p", Value: x[:optimised], Grad: y[:optimised], LR: 1}}
		r.Updates = rate(150*time.Millisecond, len(p[0].Value), func() { _ = opt.Step(p, 1e-6) })
	}
	return r
}

// productRate goes through several weights, as a step does, forward and backward.
func productRate(on kernels.Workers, p Product) float64 {
	a, back, c, w := make([]float32, p.Rows*p.In), make([]float32, p.Rows*p.In), make([]float32, p.Rows*p.Out), make([]float32, p.Out*p.In)
	fill(a)
	fill(w)
	weights := make([]*kernels.Packed, max(2, together/len(w)))
	for i := range weights {
		weights[i] = on.Pack(w, p.Out, p.In, p.Kind)
	}
	i := 0
	return rate(600*time.Millisecond, 4*p.Rows*p.In*p.Out, func() {
		b := weights[i%len(weights)]
		i++
		on.Mul(p.Rows, a, p.In, 1, b, c, p.Out, false)
		on.Mul(p.Rows, c, p.Out, 1, b.T(), back, p.In, false)
	})
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

// seconds is the time of a step that updates so many parameters; 0 if nothing was measured.
func (r Rates) seconds(w Work, trained int) float64 {
	if r.Products == 0 {
		return 0
	}
	const clipping = 8 // bytes read and written a parameter, beside the update
	return overhead * (w.Products/(r.Products*productEfficiency) + w.Skinny/(r.Products*skinnyEfficiency) + w.Attention/(r.Products*attentionEfficiency) +
		(w.Bytes+clipping*float64(trained))/(r.Bytes*bytesEfficiency) + float64(trained)/r.Updates)
}
