package kernels

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestSoftmax(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 7, 8, 9, 31, 100, 704} {
			x := draw(uint64(n), n)
			for i := range x {
				x[i] *= 20
			}
			var sum float64
			want := make([]float64, n)
			for i, v := range x {
				want[i] = math.Exp(float64(v))
				sum += want[i]
			}
			for i := range want {
				want[i] /= sum
			}
			if lse := Softmax(x); math.Abs(lse-math.Log(sum)) > 2e-6 {
				t.Errorf("log-sum-exp of %d is %g, want %g", n, lse, math.Log(sum))
			}
			within(t, fmt.Sprint("softmax of ", n), x, want, 5e-7)
		}
		for _, n := range []int{1, 5, 8, 20, 40} {
			for at := range n {
				x := draw(1, n)
				x[at] = nan
				if m := Max(x); m == m {
					t.Errorf("Max of %d hides a NaN at %d", n, at)
				}
				if lse := Softmax(x); lse == lse || x[0] == x[0] || x[n-1] == x[n-1] {
					t.Errorf("Softmax of %d hides a NaN at %d", n, at)
				}
				x = draw(1, n)
				x[at] = -inf
				if n > 1 {
					if Softmax(x); x[at] != 0 {
						t.Errorf("Softmax of minus infinity is %g", x[at])
					}
				}
			}
		}
	})
}

func TestCrossEntropy(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		const rows = 9
		for _, v := range []int{1, 3, 8, 100, 1001} {
			x := draw(5, rows*v)
			targets := make([]int32, rows)
			want, loss := make([]float64, rows*v), 0.0
			for i := range rows {
				targets[i] = int32(i * (v - 1) / (rows - 1))
				var sum float64
				for j := range v {
					x[i*v+j] *= 10
					sum += math.Exp(float64(x[i*v+j]))
				}
				for j := range v {
					want[i*v+j] = math.Exp(float64(x[i*v+j])) / sum
				}
				want[i*v+int(targets[i])]--
				loss += math.Log(sum) - float64(x[i*v+int(targets[i])])
			}
			bad := append([]float32(nil), x...)
			if got := on.CrossEntropy(x, targets, v); math.Abs(got-loss) > 1e-6*(1+loss) {
				t.Errorf("the loss over %d is %g, want %g", v, got, loss)
			}
			within(t, "gradient", x, want, 5e-7)
			bad[4*v+v/2] = nan
			if got := on.CrossEntropy(bad, targets, v); got == got {
				t.Errorf("a NaN among %d logits gives the loss %g", v, got)
			}
		}
	})
}

func TestNorms(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		const rows, eps = 70, 1e-5
		for _, d := range []int{1, 7, 8, 9, 31, 32, 33, 576} {
			x, w, b, dy := draw(1, rows*d), draw(2, d), draw(3, d), draw(4, rows*d)
			for i := range x {
				x[i] += 0.5
			}
			for _, centre := range []bool{false, true} {
				n := newNormRef(x, w, b, dy, rows, d, eps, centre)
				y, mean, rstd := make([]float32, rows*d), make([]float32, rows), make([]float32, rows)
				dx, dw, db := append([]float32(nil), dy...), make([]float32, d), make([]float32, d)
				name := fmt.Sprintf("centre %v d %d: ", centre, d)
				if centre {
					on.LayerNorm(y, mean, rstd, x, w, b, rows, d, eps)
					on.LayerNormGrad(dx, dw, db, dx, x, w, mean, rstd, rows, d)
					within(t, name+"db", db, n.db, 2e-5)
				} else {
					on.RMSNorm(y, rstd, x, w, rows, d, eps)
					on.RMSNormGrad(dx, dw, dx, x, w, rstd, rows, d)
				}
				tol := 2e-6
				if d == 1 { // the reciprocal of the root of eps, and terms that cancel
					tol = 2e-4
				}
				within(t, name+"y", y, n.y, tol)
				within(t, name+"dx", dx, n.dx, 10*tol)
				within(t, name+"dw", dw, n.dw, 3e-5)
			}
			y, s := make([]float32, rows*d), make([]float32, rows)
			x[3*d+d/2] = nan
			on.RMSNorm(y, s, x, w, rows, d, eps)
			if y[3*d] == y[3*d] || y[4*d-1] == y[4*d-1] || y[0] != y[0] || y[4*d] != y[4*d] {
				t.Errorf("RMSNorm d %d: a NaN in row 3 must make that row NaN and no other", d)
			}
			on.LayerNorm(y, make([]float32, rows), s, x, w, b, rows, d, eps)
			if y[3*d] == y[3*d] || y[4*d-1] == y[4*d-1] || y[0] != y[0] || y[4*d] != y[4*d] {
				t.Errorf("LayerNorm d %d: a NaN in row 3 must make that row NaN and no other", d)
			}
		}
	})
}

type normRef struct{ y, dx, dw, db []float64 }

func newNormRef(x, w, b, dy []float32, rows, d int, eps float64, centre bool) normRef {
	r := normRef{make([]float64, rows*d), make([]float64, rows*d), make([]float64, d), make([]float64, d)}
	for i := range rows {
		xr, g := wide(x[i*d:][:d]), wide(dy[i*d:][:d])
		var m, v, sum, dot float64
		if centre {
			for _, a := range xr {
				m += a / float64(d)
			}
		}
		for _, a := range xr {
			v += (a - m) * (a - m) / float64(d)
		}
		s := 1 / math.Sqrt(v+eps)
		for j, a := range xr {
			h := (a - m) * s
			r.y[i*d+j] = h * float64(w[j])
			if centre {
				r.y[i*d+j] += float64(b[j])
			}
			r.dw[j] += g[j] * h
			r.db[j] += g[j]
			sum += g[j] * float64(w[j]) / float64(d)
			dot += g[j] * float64(w[j]) * h / float64(d)
		}
		for j, a := range xr {
			r.dx[i*d+j] = s * (g[j]*float64(w[j]) - (a-m)*s*dot)
			if centre {
				r.dx[i*d+j] -= s * sum
			}
		}
	}
	return r
}

// actRef gives an activation and its derivative.
func actRef(a Act, x float64) (y, dy float64) {
	sig := func(k float64) (float64, float64) {
		s := 1 / (1 + math.Exp(-k*x))
		return x * s, s * (1 + k*x*(1-s))
	}
	switch a {
	case SiLU:
		return sig(1)
	case QuickGELU:
		return sig(1.702)
	case GELU:
		cdf := 0.5 * math.Erfc(-x/math.Sqrt2)
		return x * cdf, cdf + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}
	c := math.Sqrt(2 / math.Pi)
	th := math.Tanh(c * (x + 0.044715*x*x*x))
	return 0.5 * x * (1 + th), 0.5*(1+th) + 0.5*x*(1-th*th)*c*(1+3*0.044715*x*x)
}

func TestActivations(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		var x []float32
		for v := -15.0; v < 15; v += 0.00317 {
			x = append(x, float32(v))
		}
		x = append(x, -1e-20, 0, 1e-20, -80, 80)
		for _, name := range []string{"silu", "quick_gelu", "gelu", "gelu_pytorch_tanh"} {
			a, err := ParseAct(name)
			if err != nil {
				t.Fatal(err)
			}
			y, dx, ones := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
			for i := range ones {
				ones[i] = 1
			}
			on.Activate(a, y, x)
			on.ActivateGrad(a, dx, ones, x)
			for i, v := range x {
				want, slope := actRef(a, float64(v))
				if d := math.Abs(float64(y[i]) - want); !(d <= 5e-7*max(1, math.Abs(want))) {
					t.Fatalf("%s(%g) = %g, want %g", name, v, y[i], want)
				}
				if d := math.Abs(float64(dx[i]) - slope); !(d <= 2e-6) {
					t.Fatalf("%s'(%g) = %g, want %g", name, v, dx[i], slope)
				}
			}
			bad := []float32{1, nan, inf, 2}
			on.Activate(a, bad, bad)
			if bad[1] == bad[1] || bad[2] != inf || bad[0] != bad[0] || bad[3] != bad[3] {
				t.Errorf("%s of 1, NaN, infinity, 2 is %v", name, bad)
			}
			g := []float32{1}
			if on.ActivateGrad(a, g, g, []float32{nan}); g[0] == g[0] {
				t.Errorf("%s: the gradient hides a NaN", name)
			}
		}
		if _, err := ParseAct("relu6"); err == nil || !strings.Contains(err.Error(), "relu6") || !strings.Contains(err.Error(), "quick_gelu") {
			t.Errorf("an unknown activation: %v", err)
		}
	})
}

func TestSwiGLU(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		const n = 5000
		g, u, dy := draw(1, n), draw(2, n), draw(3, n)
		want, dgWant, duWant := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n {
			g[i] *= 10
			s, ds := actRef(SiLU, float64(g[i]))
			want[i] = s * float64(u[i])
			dgWant[i] = ds * float64(u[i]) * float64(dy[i])
			duWant[i] = s * float64(dy[i])
		}
		y, dg, du := make([]float32, n), make([]float32, n), make([]float32, n)
		on.SwiGLU(y, g, u)
		on.SwiGLUGrad(dg, du, dy, g, u)
		within(t, "y", y, want, 3e-6)
		within(t, "dgate", dg, dgWant, 3e-6)
		within(t, "dup", du, duWant, 3e-6)
	})
}

func TestRopeTurnsAndTurnsBack(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for _, half := range []int{1, 3, 8, 20, 32} {
			const heads, rows = 3, 11
			freq, pos := make([]float32, half), make([]int32, rows)
			for i := range freq {
				freq[i] = float32(math.Pow(10000, -float64(i)/float64(half)))
			}
			for i := range pos {
				pos[i] = int32(i * 7)
			}
			table := NewRope(freq, 80)
			x := draw(1, rows*heads*2*half)
			got, want := append([]float32(nil), x...), make([]float64, len(x))
			on.Rope(got, pos, heads, table, 1)
			for r := range rows {
				for i := range heads * half {
					o := r*heads*2*half + i/half*2*half + i%half
					s, c := math.Sincos(float64(float32(pos[r]) * freq[i%half]))
					a, b := float64(x[o]), float64(x[o+half])
					want[o], want[o+half] = a*c-b*s, b*c+a*s
				}
			}
			within(t, "turned", got, want, 3e-7)
			on.Rope(got, pos, heads, table, -1)
			within(t, "turned back", got, wide(x), 5e-7)
		}
	})
}

func TestSums(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 1}, {63, 7}, {64, 8}, {65, 9}, {200, 40}} {
			rows, d := s[0], s[1]
			x, y, g := draw(1, rows*d), draw(2, rows*d), draw(3, d)
			sums, prods, cols := wide(g), wide(g), make([]float64, rows*d)
			var squares, dots float64
			for i, v := range x {
				sums[i%d] += float64(v)
				prods[i%d] += float64(v) * float64(y[i])
				cols[i] = float64(v) * float64(g[i%d])
				squares += float64(v) * float64(v)
				dots += float64(v) * float64(y[i])
			}
			got := append([]float32(nil), g...)
			on.SumRows(got, x, rows, d)
			within(t, "SumRows", got, sums, 1e-5)
			copy(got, g)
			on.MulColumnsGrad(got, x, y, rows, d)
			within(t, "MulColumnsGrad", got, prods, 1e-5)
			z := make([]float32, rows*d)
			on.MulColumns(z, x, g, rows, d)
			within(t, "MulColumns", z, cols, 1e-7)
			copy(z, x)
			on.AddBias(z, g, rows, d)
			for i := range cols {
				cols[i] = float64(x[i]) + float64(g[i%d])
			}
			within(t, "AddBias", z, cols, 2e-7)
			if got := SumSquares(x); math.Abs(got-squares) > 1e-9*squares {
				t.Errorf("SumSquares is %g, want %g", got, squares)
			}
			if got := Dot(x, y); math.Abs(float64(got)-dots) > 1e-5 {
				t.Errorf("Dot is %g, want %g", got, dots)
			}
		}
	})
}
