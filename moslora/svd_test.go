package moslora

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"moslava/internal/device"
)

// spectrum is a matrix with the singular values that f gives, between random bases.
func spectrum(out, in int, f func(k int) float64) []float32 {
	rng := rand.New(rand.NewPCG(7, uint64(out)))
	basis := func(n, k int) *mat.Dense {
		d := mat.NewDense(n, k, nil)
		for i := range n {
			for j := range k {
				d.Set(i, j, rng.NormFloat64())
			}
		}
		var qr mat.QR
		qr.Factorize(d)
		var q mat.Dense
		qr.QTo(&q)
		return mat.DenseCopyOf(q.Slice(0, n, 0, k))
	}
	n := min(out, in)
	u, v := basis(out, n), basis(in, n)
	for k := range n {
		for i := range out {
			u.Set(i, k, u.At(i, k)*f(k))
		}
	}
	var d mat.Dense
	d.Mul(u, v.T())
	w := make([]float32, out*in)
	for i := range w {
		w[i] = float32(d.At(i/in, i%in))
	}
	return w
}

// Leading singular values of a wide and a tall weight are those of the full decomposition to 1e-5 of each and 1e-6 of the largest, whatever the spectrum, W·v
// is value·u to 1e-3 of the largest value, vectors being first-order in what values are second-order in, and what is left of W is as
// small as it can be to 1e-4; the same on any number of threads.
func TestLeadingSingularValues(t *testing.T) {
	const r = 8
	defer device.Host.SetThreads(device.Host.Threads())
	for _, dims := range [][2]int{{210, 260}, {260, 210}} {
		out, in := dims[0], dims[1]
		for name, f := range map[string]func(k int) float64{
			"falls slowly":   func(k int) float64 { return 1 / math.Sqrt(1+float64(k)) },
			"falls fast":     func(k int) float64 { return math.Pow(0.7, float64(k)) },
			"one is large":   func(k int) float64 { return 1 + 1000*float64(max(0, 1-k)) - 0.004*float64(k) },
			"pairs":          func(k int) float64 { return 1 / (1 + 0.1*float64(k/2)) },
			"of rank 5":      func(k int) float64 { return max(0, 5-float64(k)) },
			"hardly falls":   func(k int) float64 { return 1 - 0.002*float64(k) },
			"all are small":  func(k int) float64 { return 1e-12 / (1 + float64(k)) },
			"nothing at all": func(k int) float64 { return 0 },
		} {
			w := spectrum(out, in, f)
			d := dense(w, out, in)
			want, err := decomposed(d, r)
			if err != nil {
				t.Fatal(err)
			}
			device.Host.SetThreads(1)
			got, err := leading(w, out, in, r, "q_proj")
			if err != nil {
				t.Fatal(err)
			}
			device.Host.SetThreads(3)
			again, err := leading(w, out, in, r, "q_proj")
			if err != nil {
				t.Fatal(err)
			}
			if !mat.Equal(got.u.Slice(0, out, 0, r), again.u.Slice(0, out, 0, r)) {
				t.Errorf("%s, %v: other bits on three threads", name, dims)
			}
			if iterated(w, out, in, r, r+16, "q_proj") == nil {
				t.Errorf("%s, %v: values do not settle", name, dims)
			}
			for k := range r {
				value := want.values[k]
				if math.Abs(got.values[k]-value) > 1e-5*value+1e-6*want.values[0] {
					t.Errorf("%s, %v: value %d is %g, of the full decomposition %g", name, dims, k, got.values[k], value)
				}
				var left float64
				for i := range out {
					along := -got.values[k] * got.u.At(i, k)
					for j := range in {
						along += d.At(i, j) * got.v.At(j, k)
					}
					left += along * along
				}
				if math.Sqrt(left) > 1e-3*want.values[0] {
					t.Errorf("%s, %v: W·v%d is %g off value·u", name, dims, k, math.Sqrt(left))
				}
			}
			norm := func(s *triplets) float64 {
				rest := mat.DenseCopyOf(d)
				for k := range r {
					rest.RankOne(rest, -s.values[k], s.u.ColView(k), s.v.ColView(k))
				}
				return mat.Norm(rest, 2)
			}
			if a, b := norm(got), norm(want); a > b*(1+1e-4)+1e-6*want.values[0] {
				t.Errorf("%s, %v: %g is left of W, of the full decomposition %g", name, dims, a, b)
			}
		}
	}
}
