package kernels

import (
	"fmt"
	"slices"
	"testing"
)

// No result depends on the number of threads.
func TestThreadsChangeNoBit(t *testing.T) {
	cases := map[string]func() []float32{}
	for _, s := range [][3]int{{1, 1500, 1100}, {101, 500, 300}, {300, 400, 16}, {7, 900, 700}} {
		m, k, n := s[0], s[1], s[2]
		a, w := draw(1, m*k), draw(2, n*k)
		forms := map[string]*Packed{"NK": NK(w, n, k, k), "KN": KN(w, k, n, n)}
		for _, kind := range []Kind{F32, BF16, F16, NF4, Q8} {
			forms[kind.String()] = on.Pack(w, n, k, kind)
			forms[kind.String()+" transposed"] = on.Pack(w, k, n, kind).T()
		}
		for form, b := range forms {
			for _, acc := range []bool{false, true} {
				cases[fmt.Sprint("Mul ", s, form, acc)] = func() []float32 {
					c := draw(3, m*n)
					on.Mul(m, a, k, 1, b, c, n, acc)
					return c
				}
			}
		}
	}
	const rows, d = 500, 130
	x, y, w, b := draw(1, rows*d), draw(2, rows*d), draw(3, d), draw(4, d)
	out := func(n int) []float32 { return make([]float32, n) }
	cases["elementwise"] = func() []float32 {
		z, s := slices.Clone(x), out(d)
		on.Add(z, y)
		on.AddBias(z, b, rows, d)
		on.MulColumns(z, z, w, rows, d)
		on.SumRows(s, z, rows, d)
		on.MulColumnsGrad(s, z, y, rows, d)
		on.AddTo(z, z, x)
		return append(z, s...)
	}
	cases["norms"] = func() []float32 {
		z, m, s, dx, dw, db := out(rows*d), out(rows), out(rows), out(rows*d), out(d), out(d)
		on.LayerNorm(z, m, s, x, w, b, rows, d, 1e-5)
		on.LayerNormGrad(dx, dw, db, y, x, w, m, s, rows, d)
		all := slices.Concat(z, m, s, dx, dw, db)
		on.RMSNorm(z, s, x, w, rows, d, 1e-5)
		on.RMSNormGrad(dx, dw, y, x, w, s, rows, d)
		return slices.Concat(all, z, s, dx, dw)
	}
	cases["activations"] = func() []float32 {
		z, dz := out(rows*d), out(rows*d)
		var all []float32
		for _, a := range []Act{SiLU, QuickGELU, GELU, GELUTanh} {
			on.Activate(a, z, x)
			on.ActivateGrad(a, dz, y, x)
			all = slices.Concat(all, z, dz)
		}
		on.SwiGLU(z, x, y)
		all = append(all, z...)
		on.SwiGLUGrad(z, dz, y, x, x)
		return slices.Concat(all, z, dz)
	}
	cases["attention"] = func() []float32 {
		a := Attention{H: 4, KV: 2, D: 8, Scale: 0.3, Causal: true}
		q, k, v, do := draw(1, 300*32), draw(2, 300*16), draw(3, 300*16), draw(4, 300*32)
		spans := []Span{{0, 10, 0, 10}, {10, 190, 10, 190}, {200, 100, 200, 100}}
		o, lse, dq, dk, dv := out(300*32), out(300*4), out(300*32), out(300*16), out(300*16)
		a.Forward(on, o, lse, q, k, v, spans)
		a.Backward(on, dq, dk, dv, do, o, lse, q, k, v, spans)
		return slices.Concat(o, lse, dq, dk, dv)
	}
	cases["loss and rope"] = func() []float32 {
		z := slices.Clone(x)
		targets, pos := make([]int32, rows), make([]int32, rows)
		for i := range pos {
			targets[i], pos[i] = int32(i%d), int32(i)
		}
		loss := on.CrossEntropy(z, targets, d)
		on.Rope(z, pos, 5, NewRope(draw(9, 13), rows), 1)
		return append(z, float32(loss))
	}
	defer func(n Workers) { on = n }(on)
	for name, run := range cases {
		on = Workers(1)
		want := run()
		for n := 2; n <= 3; n++ {
			on = Workers(n)
			sameBits(t, fmt.Sprint(name, ", threads ", n), run(), want)
		}
	}
}
