package kernels

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

func BenchmarkMul(b *testing.B) {
	for _, s := range [][3]int{{256, 576, 1536}, {700, 2048, 5632}, {577, 1024, 4096}, {64, 576, 49152}, {1, 2048, 5632}, {700, 2048, 16}, {700, 2048, 64},
		{700, 64, 700}, {700, 16, 2048}, {1408, 576, 1536}, {1408, 1536, 576}, {4, 576, 1536}, {16, 576, 1536}} {
		m, k, n := s[0], s[1], s[2]
		a, w, c := draw(1, m*k), draw(2, n*k), make([]float32, m*n)
		for _, kind := range []Kind{F32, BF16, NF4, Q8, rawNK} {
			p := NK(w, n, k, k)
			if kind != rawNK {
				p = on.Pack(w, n, k, kind)
			}
			bestOf(b, fmt.Sprintf("%dx%dx%d/%s", m, k, n, kind), m*k*n, func() { on.Mul(m, a, k, 1, p, c, n, false) })
		}
	}
}

// bestOf reports the best rate of f, which takes n multiply-adds.
func bestOf(b *testing.B, name string, n int, f func()) {
	b.Run(name, func(b *testing.B) {
		best := time.Duration(1 << 62)
		for b.Loop() {
			start := time.Now()
			f()
			best = min(best, time.Since(start))
		}
		b.ReportMetric(2*float64(n)/float64(best.Nanoseconds()), "best-GF/s")
	})
}

// The products of an adapter of rank r on [n, in] -> [n, out], forward and backward.
func BenchmarkAdapter(b *testing.B) {
	const n, in, out = 1408, 576, 1536
	for _, r := range []int{16, 64} {
		x, u, y := draw(1, n*in), draw(2, n*r), draw(3, n*out)
		wa, wm, wb := draw(4, r*in), draw(5, r*r), draw(6, out*r)
		v, da, db, dx := make([]float32, n*r), make([]float32, r*in), make([]float32, out*r), make([]float32, n*in)
		bestOf(b, fmt.Sprint("r", r, "/xA"), n*in*r, func() { on.Mul(n, x, in, 1, NK(wa, r, in, in), v, r, false) })
		bestOf(b, fmt.Sprint("r", r, "/uM"), n*r*r, func() { on.Mul(n, u, r, 1, NK(wm, r, r, r), v, r, false) })
		bestOf(b, fmt.Sprint("r", r, "/vB"), n*out*r, func() { on.Mul(n, u, r, 1, NK(wb, out, r, r), y, out, true) })
		bestOf(b, fmt.Sprint("r", r, "/dB"), n*out*r, func() { on.Mul(out, y, 1, out, KN(u, n, r, r), db, r, true) })
		bestOf(b, fmt.Sprint("r", r, "/dv"), n*out*r, func() { on.Mul(n, y, out, 1, KN(wb, out, r, r), v, r, false) })
		bestOf(b, fmt.Sprint("r", r, "/dA"), n*in*r, func() { on.Mul(r, u, 1, r, KN(x, n, in, in), da, in, true) })
		bestOf(b, fmt.Sprint("r", r, "/dx"), n*in*r, func() { on.Mul(n, u, r, 1, KN(wa, r, in, in), dx, in, false) })
	}
}

func BenchmarkAttention(b *testing.B) {
	for _, c := range []struct {
		h, kv, n int
		causal   bool
	}{{9, 3, 352, true}, {6, 6, 257, false}, {9, 3, 2048, true}} {
		a := Attention{H: c.h, KV: c.kv, D: 64, Scale: 0.125, Causal: c.causal}
		n, lq, lk := c.n, c.h*64, c.kv*64
		q, k, v, do := draw(1, n*lq), draw(2, n*lk), draw(3, n*lk), draw(4, n*lq)
		out, lse := make([]float32, len(q)), make([]float32, n*c.h)
		dq, dk, dv := make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(v))
		spans := []Span{{0, n, 0, n}}
		seen := n * n * lq // multiply-adds of one product
		if c.causal {
			seen /= 2
		}
		bestOf(b, fmt.Sprint("forward/", c.h, "x", n), 2*seen, func() { a.Forward(on, out, lse, q, k, v, spans) })
		bestOf(b, fmt.Sprint("backward/", c.h, "x", n), 5*seen, func() { a.Backward(on, dq, dk, dv, do, out, lse, q, k, v, spans) })
	}
}

// perElement runs f, which works on n elements, and reports the time for one.
func perElement(b *testing.B, name string, n int, f func()) {
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			f()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
	})
}

func BenchmarkNorms(b *testing.B) {
	const rows, d = 256, 576
	x, y, w := draw(1, rows*d), make([]float32, rows*d), draw(2, d)
	mean, rstd := make([]float32, rows), make([]float32, rows)
	perElement(b, "RMSNorm", rows*d, func() { on.RMSNorm(y, rstd, x, w, rows, d, 1e-5) })
	perElement(b, "RMSNormGrad", rows*d, func() { on.RMSNormGrad(y, nil, x, x, w, rstd, rows, d) })
	perElement(b, "LayerNorm", rows*d, func() { on.LayerNorm(y, mean, rstd, x, w, w, rows, d, 1e-5) })
	perElement(b, "LayerNormGrad", rows*d, func() { on.LayerNormGrad(y, nil, nil, x, x, w, mean, rstd, rows, d) })
	table, pos := NewRope(draw(3, 32), rows), make([]int32, rows)
	perElement(b, "Rope", rows*d, func() { on.Rope(y, pos, 9, table, 1) })
}

func BenchmarkElementwise(b *testing.B) {
	const n = 1 << 16
	x, y, z := draw(1, n), draw(2, n), make([]float32, n)
	for name, a := range map[string]Act{"silu": SiLU, "gelu": GELU, "gelu_tanh": GELUTanh} {
		perElement(b, name, n, func() { on.Activate(a, z, x) })
		perElement(b, name+"Grad", n, func() { on.ActivateGrad(a, z, y, x) })
	}
	perElement(b, "SwiGLU", n, func() { on.SwiGLU(z, x, y) })
	perElement(b, "Add", n, func() { on.Add(z, x) })
	perElement(b, "Dot", n, func() { Dot(x, y) })
	perElement(b, "Max", n, func() { Max(x) })
	perElement(b, "Exp", n, func() { Exp(z, x, 1) })
}

// What a call costs that has next to nothing to share out.
func BenchmarkWorkers(b *testing.B) {
	x := make([]float32, 2<<10)
	f := func(i int) { Scale(x[i<<10:][:1<<10], 0.5) }
	b.Run("pool", func(b *testing.B) {
		for b.Loop() {
			on.Each(2, f)
		}
	})
	b.Run("goroutines", func(b *testing.B) {
		for b.Loop() {
			var next atomic.Int64
			spawn(2, func() {
				for i := next.Add(1); i <= 2; i = next.Add(1) {
					f(int(i - 1))
				}
			})
		}
	})
	for _, m := range []int{16, 64, 256} {
		a, w, c := draw(1, m*576), draw(2, 576*576), make([]float32, m*576)
		p := on.Pack(w, 576, 576, F32)
		bestOf(b, fmt.Sprint("mul/", m), m*576*576, func() { on.Mul(m, a, 576, 1, p, c, 576, false) })
		b.Run(fmt.Sprint("mean/", m), func(b *testing.B) {
			for b.Loop() {
				on.Mul(m, a, 576, 1, p, c, 576, false)
			}
		})
	}
}
