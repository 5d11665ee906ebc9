package autograd

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"moslava/internal/device"
	"moslava/internal/kernels"
)

// Gradients where what reads the scaled result takes its memory, where a bias is much larger than what it is added to, and where a
// magnitude is zero, which the result does not tell from others: as the slopes, and as from the same graph that keeps everything.
func TestMagnitudeOfWhatIsTaken(t *testing.T) {
	x, base, w, a, b := random(7, 5), random(7, 8), random(8, 5), random(2, 5), random(8, 2)
	bias, m, scale, rows := random(8), random(8), random(8), random(1, 8)
	table := kernels.NewRope([]float32{1, 0.3}, 9)
	kernels.Scale(table.Cos, 1.25)
	kernels.Scale(table.Sin, 1.25)
	pos := []int32{0, 3, 8, 1, 2, 2, 7}
	layer := func() Layer {
		return Layer{W: Matrix{Packed: device.Host.Workers().Pack(w.buf.Host(), 8, 5, kernels.F32)}, Bias: bias,
			Low: &LowRank{A: a, B: b, Scale: 1.5}, Magnitude: &Magnitude{Var: m}}
	}
	readers := map[string]func(tp *Tape, y *Var) *Var{
		"rope":              func(tp *Tape, y *Var) *Var { return tp.Rope(y, pos, 2, table) },
		"residual":          func(tp *Tape, y *Var) *Var { return tp.Residual(base, y, nil) },
		"residual, scaled":  func(tp *Tape, y *Var) *Var { return tp.Residual(base, y, scale) },
		"rope and residual": func(tp *Tape, y *Var) *Var { return tp.Residual(base, tp.Rope(y, pos, 2, table), nil) },
		"splice":            func(tp *Tape, y *Var) *Var { return tp.Splice(y, rows, []int32{3}) },
		"activation":        func(tp *Tape, y *Var) *Var { return tp.Activate(kernels.GELU, y) },
	}
	for i := range m.buf.Host() {
		m.buf.Host()[i] = 0.5 + float32(math.Abs(float64(m.buf.Host()[i]))) // about as long as rows of w
	}
	first := m.buf.Host()[0]
	for _, at := range []float32{1, -1, 1e-20, 0} { // what the first magnitude is multiplied by
		for name, read := range readers {
			m.buf.Host()[0] = first * at
			t.Run(fmt.Sprint(name, " ", at), func(t *testing.T) {
				check(t, func(tp *Tape) *Var { return read(tp, tp.Linears(Kept(x), layer())[0]) }, map[string]*Var{"x": x, "m": m, "bias": bias})
				kernels.Scale(bias.buf.Host(), 64)
				defer kernels.Scale(bias.buf.Host(), 1.0/64)
				l := layer()
				gain, norms := l.Magnitude.gain(l, false)
				probe := random(7, 8)
				gradients := func(op func(tp *Tape) *Var, leaves ...*Var) (out [][]float32) {
					for _, v := range leaves {
						v.SetRequiresGrad(true)
						v.ZeroGrad()
					}
					tape := new(Tape)
					if err := tape.Backward(tape.Apply(&weighted{read(tape, op(tape)), probe}), 1); err != nil {
						t.Fatal(err)
					}
					for _, v := range leaves {
						out = append(out, slices.Clone(v.GradFloats()))
					}
					return out
				}
				got := gradients(func(tp *Tape) *Var { return tp.Linears(Kept(x), layer())[0] }, x, m)
				plain := layer()
				plain.Magnitude, plain.Bias = nil, nil
				g, ones := New(gain.Host(), 8), New([]float32{1, 1, 1, 1, 1, 1, 1}, 7, 1)
				want := gradients(func(tp *Tape) *Var {
					return tp.Add(tp.MulColumns(tp.Linears(Kept(x), plain)[0], g), tp.MatMul(ones, New(bias.buf.Host(), 1, 8)))
				}, x, g)
				for j := range want[1] {
					want[1][j] /= norms[j] // m is g times a constant
				}
				for k := range want {
					for e, v := range want[k] {
						if d := math.Abs(float64(got[k][e] - v)); d > 2e-5*(1+math.Abs(float64(v))) {
							t.Errorf("leaf %d, element %d: gradient %g, want %g", k, e, got[k][e], v)
						}
					}
				}
			})
		}
	}
}

// Norms beside the formula in float64, where the adapter is nothing, small, of the weight's size, takes nearly all of a row away, or
// is a sum of terms that take one another away; the same bits on any number of threads and of a weight in any storage.
func TestRowNormsAtAdverseScales(t *testing.T) {
	const out, in, r = 70, 192, 6
	for _, mix := range []bool{false, true} {
		for _, size := range []float32{0, 1e-6, 1, 1e4} {
			for _, left := range []float32{1, 1e-2, 1e-4, 1e-6} { // of the weight, when the adapter takes it away
				w, low := random(out, in), &LowRank{A: random(r, in), B: random(out, r), Scale: 0.5}
				if mix {
					low.M = random(r, r)
				}
				kernels.Scale(low.B.buf.Host(), size)
				if size == 1 { // row k of B M A is -(1 - left) of row k of W/Scale
					low.M = nil
					clear(low.B.buf.Host())
					for k := range r {
						for i := range in {
							low.A.buf.Host()[k*in+i] = -w.buf.Host()[k*in+i] * (1 - left)
						}
						low.B.buf.Host()[k*r+k] = 2
					}
				}
				if size == 1e4 { // two rows of A that are nearly the same, with opposite signs
					for i := range in {
						low.A.buf.Host()[in+i] = low.A.buf.Host()[i] * (1 + left/1e4)
					}
					for j := range out {
						copy(low.B.buf.Host()[j*r:][:r], []float32{size, -size, 0, 0, 0, 0})
					}
					low.M = nil
				}
				for _, form := range []struct {
					kind   kernels.Kind
					turned bool // the weight lies as an embedding's
				}{{kernels.F32, false}, {kernels.BF16, false}, {kernels.NF4, false}, {kernels.F32, true}, {kernels.BF16, true}} {
					kind, kept := form.kind, make([]float32, out*in)
					var weight device.Matrix
					if form.turned {
						turned := make([]float32, out*in)
						device.Host.Transpose(device.Wrap(turned), w.buf, out, in)
						p := device.Host.Workers().Pack(turned, in, out, kind)
						p.Dense(device.Host.Workers(), turned)
						device.Host.Transpose(device.Wrap(kept), device.Wrap(turned), in, out)
						weight = device.Packed(p).T()
					} else {
						p := device.Host.Workers().Pack(w.buf.Host(), out, in, kind)
						p.Dense(device.Host.Workers(), kept)
						weight = device.Packed(p)
					}
					old := device.Host.Threads()
					device.Host.SetThreads(1)
					norms := func() []float32 { return device.Host.Norms(weight, low.onDevice(), device.Host.Squares(weight)) }
					one := norms()
					device.Host.SetThreads(3)
					if three := norms(); !slices.Equal(one, three) {
						t.Error("other bits on three threads")
					}
					device.Host.SetThreads(old)
					for j, norm := range one {
						var sum float64
						for i := range in {
							v := float64(kept[j*in+i])
							for k := range r {
								b := float64(low.B.buf.Host()[j*r+k])
								if low.M == nil {
									v += 0.5 * b * float64(low.A.buf.Host()[k*in+i])
									continue
								}
								for l := range r {
									v += 0.5 * b * float64(low.M.buf.Host()[k*r+l]) * float64(low.A.buf.Host()[l*in+i])
								}
							}
							sum += v * v
						}
						if want := math.Sqrt(sum); math.Abs(float64(norm)-want) > 2e-6*want {
							t.Fatalf("mixer %v, size %g, left %g, %v: row %d has the norm %g, want %g", mix, size, left, kind, j, norm, want)
						}
					}
				}
			}
		}
	}
}
