package kernels

import (
	"fmt"
	"testing"
)

func BenchmarkMul(b *testing.B) {
	for _, s := range [][3]int{{1, 2048, 5632}, {64, 576, 1536}, {256, 576, 1536}, {700, 2048, 5632}, {700, 2048, 16}, {700, 16, 2048}} {
		m, k, n := s[0], s[1], s[2]
		a, w, c := draw(1, m*k), draw(2, n*k), make([]float32, m*n)
		for _, kind := range []Kind{F32, BF16, NF4, rawNK} {
			p := NK(w, n, k, k)
			if kind != rawNK {
				p = Pack(w, n, k, kind)
			}
			b.Run(fmt.Sprintf("%dx%dx%d/%s", m, k, n, kind), func(b *testing.B) {
				for b.Loop() {
					Mul(m, a, k, 1, p, c, n, false)
				}
				b.ReportMetric(2*float64(m)*float64(k)*float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GF/s")
			})
		}
	}
}

func BenchmarkAttention(b *testing.B) {
	for _, n := range []int{64, 700} {
		a := Attention{H: 9, KV: 3, D: 64, Scale: 0.125, Causal: true}
		q, k, v, do := draw(1, n*9*64), draw(2, n*3*64), draw(3, n*3*64), draw(4, n*9*64)
		out, lse := make([]float32, len(q)), make([]float32, n*9)
		dq, dk, dv := make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(v))
		spans := []Span{{0, n, 0, n}}
		b.Run(fmt.Sprintf("forward/%d", n), func(b *testing.B) {
			for b.Loop() {
				a.Forward(out, lse, q, k, v, spans)
			}
		})
		b.Run(fmt.Sprintf("backward/%d", n), func(b *testing.B) {
			for b.Loop() {
				a.Backward(dq, dk, dv, do, out, lse, q, k, v, spans)
			}
		})
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
	perElement(b, "RMSNorm", rows*d, func() { RMSNorm(y, rstd, x, w, rows, d, 1e-5) })
	perElement(b, "RMSNormGrad", rows*d, func() { RMSNormGrad(y, nil, x, x, w, rstd, rows, d) })
	perElement(b, "LayerNorm", rows*d, func() { LayerNorm(y, mean, rstd, x, w, w, rows, d, 1e-5) })
	perElement(b, "LayerNormGrad", rows*d, func() { LayerNormGrad(y, nil, nil, x, x, w, mean, rstd, rows, d) })
	table, pos := NewRope(draw(3, 32), rows), make([]int32, rows)
	perElement(b, "Rope", rows*d, func() { Rope(y, pos, 9, table, 1) })
}

func BenchmarkElementwise(b *testing.B) {
	const n = 1 << 16
	x, y, z := draw(1, n), draw(2, n), make([]float32, n)
	for name, a := range map[string]Act{"silu": SiLU, "gelu": GELU, "gelu_tanh": GELUTanh} {
		perElement(b, name, n, func() { Activate(a, z, x) })
		perElement(b, name+"Grad", n, func() { ActivateGrad(a, z, y, x) })
	}
	perElement(b, "SwiGLU", n, func() { SwiGLU(z, x, y) })
	perElement(b, "Add", n, func() { Add(z, x) })
	perElement(b, "Dot", n, func() { Dot(x, y) })
	perElement(b, "Max", n, func() { Max(x) })
	perElement(b, "Exp", n, func() { Exp(z, x, 1) })
}
