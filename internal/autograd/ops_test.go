package autograd

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
	"moslava/internal/kernels"
)

var rng = rand.New(rand.NewPCG(1, 2))

func random(shape ...int) *Var {
	v := New(make([]float32, size(shape)), shape...)
	for i := range v.buf.Host() {
		v.buf.Host()[i] = float32(rng.NormFloat64() * 0.5)
	}
	return v
}

// weighted is Σ x·w, a scalar whose gradient is w.
type weighted struct{ x, w *Var }

func (f *weighted) Operands() []mat.Tensor { return tensors(f.x) }
func (f *weighted) Forward() (mat.Tensor, error) {
	var s float64
	for i, v := range f.x.buf.Host() {
		s += float64(v) * float64(f.w.buf.Host()[i])
	}
	return New([]float32{float32(s)}, 1), nil
}
func (f *weighted) Backward(gy mat.Tensor) error {
	g := newVar(f.x.dev, f.x.shape...)
	for i, w := range f.w.buf.Host() {
		g.buf.Host()[i] = w * gy.(*Var).buf.Host()[0]
	}
	f.x.AccGrad(g)
	return nil
}

// copied gives operations that take their operand's memory a copy of it.
func copied(t *Tape, x *Var) *Var { return t.Add(x, New(make([]float32, x.Size()), x.shape...)) }

func check(t *testing.T, op func(*Tape) *Var, leaves map[string]*Var) {
	t.Helper()
	probe := random(op(nil).shape...)
	gradcheck(t, func(tp *Tape) *Var { return tp.Apply(&weighted{op(tp), probe}) }, leaves)
}

func TestLinear(t *testing.T) {
	x, w, b := random(7, 5), random(3, 5), random(3)
	check(t, func(tp *Tape) *Var { return tp.Linear(x, Matrix{Var: w}, b) }, map[string]*Var{"x": x, "w": w, "b": b})
	p := device.Host.Workers().Pack(w.buf.Host(), 3, 5, kernels.F32)
	check(t, func(tp *Tape) *Var { return tp.Linear(x, Matrix{Packed: p}, nil) }, map[string]*Var{"x": x})
}

func TestMatMul(t *testing.T) {
	a, b := random(4, 3), random(3, 5)
	check(t, func(tp *Tape) *Var { return tp.MatMul(a, b) }, map[string]*Var{"b": b})
}

// Layers that read one input, with every kind of adapter, and one whose result nobody uses.
func TestLinears(t *testing.T) {
	x := random(7, 5)
	w1, w2, w3 := random(9, 5), random(3, 5), random(2, 5)
	bias, a1, m, b1 := random(9), random(4, 5), random(4, 4), random(9, 4)
	a2, b2 := random(2, 5), random(3, 2)
	leaves := map[string]*Var{"x": x, "w1": w1, "w2": w2, "bias": bias, "a1": a1, "m": m, "b1": b1, "a2": a2, "b2": b2}
	op := func(in func(t *Tape) Lazy) func(*Tape) *Var {
		return func(tp *Tape) *Var {
			ys := tp.Linears(in(tp), Layer{W: Matrix{Var: w1}, Bias: bias, Low: &LowRank{A: a1, M: m, B: b1, Scale: 1.5}},
				Layer{W: Matrix{Var: w3}}, Layer{W: Matrix{Var: w2}, Low: &LowRank{A: a2, B: b2, Scale: -0.5}})
			return tp.ConcatColumns(ys[0], ys[2])
		}
	}
	check(t, op(func(*Tape) Lazy { return Kept(x) }), leaves)
	norm, shift := random(5), random(5)
	leaves["norm"] = norm
	check(t, op(func(*Tape) Lazy { return LazyRMSNorm(x, norm, 1e-5) }), leaves)
	check(t, op(func(*Tape) Lazy { return LazyActivate(kernels.GELU, x) }), map[string]*Var{"x": x, "a1": a1})
	leaves["shift"] = shift
	check(t, op(func(*Tape) Lazy { return LazyLayerNorm(x, norm, shift, 1e-5) }), leaves)
	up := random(7, 5)
	check(t, op(func(*Tape) Lazy { return LazySwiGLU(x, up) }), map[string]*Var{"x": x, "up": up, "a2": a2, "w1": w1})
	p := device.Host.Workers().Pack(w1.buf.Host(), 9, 5, kernels.F32)
	check(t, func(tp *Tape) *Var {
		return tp.Linears(Kept(x), Layer{W: Matrix{Packed: p}, Low: &LowRank{A: a1, M: m, B: b1, Scale: 1.5}})[0]
	}, map[string]*Var{"a1": a1, "m": m, "b1": b1}) // as below the lowest trainable layer: x has no gradient
}

// Coefficients of runs of rows, with and without dropout, with A and B trained and not.
func TestBlocks(t *testing.T) {
	x, w := random(7, 5), random(6, 5)
	a, b, c := random(5, 5), random(6, 5), random(3)
	low := &LowRank{A: a, B: b, C: c, Blocks: []int{2, 1, 2}, Scale: 1.5}
	op := func(tp *Tape) *Var { return tp.Linears(Kept(x), Layer{W: Matrix{Var: w}, Low: low})[0] }
	check(t, op, map[string]*Var{"x": x, "c": c, "a": a, "b": b, "w": w})
	for _, v := range []*Var{x, a, b, w} {
		v.SetRequiresGrad(false)
		v.ZeroGrad()
	}
	check(t, op, map[string]*Var{"c": c})
	m := New(make([]float32, 25), 5, 5)
	for i, v := range low.coefficients().buf.Host() {
		m.buf.Host()[6*i] = v
	}
	var none *Tape
	want := none.Linears(Kept(x), Layer{W: Matrix{Var: w}, Low: &LowRank{A: a, M: m, B: b, Scale: 1.5}})[0]
	for i, v := range op(nil).buf.Host() {
		if math.Abs(float64(v-want.buf.Host()[i])) > 1e-6 {
			t.Errorf("element %d is %g, with a matrix %g", i, v, want.buf.Host()[i])
		}
	}
}

// DoRA: the slopes in x, m and b, and for the rest the gradients of the same graph with constants in place of the norms.
func TestMagnitude(t *testing.T) {
	x, w, bias := random(7, 5), random(6, 5), random(6)
	a, mixer, b, m := random(2, 5), random(2, 2), random(6, 2), random(6)
	for _, mix := range []*Var{nil, mixer} {
		p := device.Host.Workers().Pack(w.buf.Host(), 6, 5, kernels.F32)
		for i, matrix := range []Matrix{{Var: w}, {Packed: p}} {
			layer := func() Layer {
				return Layer{W: matrix, Bias: bias, Low: &LowRank{A: a, M: mix, B: b, Scale: 1.5}, Magnitude: &Magnitude{Var: m}}
			}
			scaled := layer()
			for _, v := range []*Var{a, mixer, b, w} {
				v.SetRequiresGrad(false)
			}
			op := func(tp *Tape) *Var { return tp.Linears(Kept(x), scaled)[0] }
			check(t, op, map[string]*Var{"x": x, "m": m, "bias": bias})

			leaves := []*Var{x, a, b}
			if mix != nil {
				leaves = append(leaves, mix)
			}
			if i == 0 {
				leaves = append(leaves, w)
			}
			probe := random(7, 6)
			gradients := func(op func(*Tape) *Var) (out [][]float32) {
				for _, v := range leaves {
					v.SetRequiresGrad(true)
					v.ZeroGrad()
				}
				tape := new(Tape)
				if err := tape.Backward(tape.Apply(&weighted{op(tape), probe}), 1); err != nil {
					t.Fatal(err)
				}
				for _, v := range leaves {
					out = append(out, slices.Clone(v.GradFloats()))
				}
				return out
			}
			got := gradients(func(tp *Tape) *Var { return tp.Linears(Kept(x), layer())[0] })
			full := layer()
			gain, norms := full.Magnitude.gain(full, false)
			for j, norm := range norms { // of the matrix itself
				var sum float64
				for k := range 5 {
					v := float64(w.buf.Host()[j*5+k])
					for r := range 2 {
						ma := float64(a.buf.Host()[r*5+k])
						if mix != nil {
							ma = float64(mix.buf.Host()[r*2])*float64(a.buf.Host()[k]) + float64(mix.buf.Host()[r*2+1])*float64(a.buf.Host()[5+k])
						}
						v += 1.5 * float64(b.buf.Host()[j*2+r]) * ma
					}
					sum += v * v
				}
				if want := math.Sqrt(sum); math.Abs(float64(norm)-want) > 1e-6*want {
					t.Errorf("row %d has the norm %g, want %g", j, norm, want)
				}
			}
			plain := full
			plain.Magnitude, plain.Bias = nil, nil
			want := gradients(func(tp *Tape) *Var { return tp.MulColumns(tp.Linears(Kept(x), plain)[0], New(gain.Host(), 6)) })
			for k := range want {
				for e := range want[k] {
					if math.Abs(float64(got[k][e]-want[k][e])) > 1e-6 {
						t.Fatalf("leaf %d, element %d: gradient %g, want %g", k, e, got[k][e], want[k][e])
					}
				}
			}
		}
	}
}

// One row alone, which is computed in a way of its own, has the bits that it has among others and on a tape.
func TestRowAloneHasTheSameBits(t *testing.T) {
	x, w, bias := random(6, 40), random(33, 40), random(33)
	pack := func(kind kernels.Kind) Matrix {
		return Matrix{Packed: device.Host.Workers().Pack(w.Floats(), 33, 40, kind)}
	}
	for name, m := range map[string]Matrix{"plain": {Var: w}, "float32": pack(kernels.F32), "bf16": pack(kernels.BF16), "q8": pack(kernels.Q8)} {
		for i, adapted := range []Layer{
			{},
			{Low: &LowRank{A: random(2, 40), B: random(33, 2), Scale: 0.7}},
			{Low: &LowRank{A: random(2, 40), M: random(2, 2), B: random(33, 2), Scale: 0.7, Drop: 0.9}},
			{Low: &LowRank{A: random(4, 40), C: random(2), Blocks: []int{1, 3}, B: random(33, 4), Scale: 1.3}},
			{Low: &LowRank{A: random(2, 40), M: random(2, 2), B: random(33, 2), Scale: 0.7}, Magnitude: &Magnitude{Var: random(33)}},
		} {
			for _, b := range []*Var{nil, bias} {
				adapted.W, adapted.Bias = m, b
				layers := []Layer{adapted, {W: m, Bias: b}}
				recorded := append([]Layer(nil), layers...)
				if adapted.Low != nil {
					kept := *adapted.Low
					kept.Drop, recorded[0].Low = 0, &kept
				}
				var none *Tape
				among, taped := none.Linears(Kept(x), layers...), new(Tape).Linears(Kept(x), recorded...)
				for r := range 6 {
					alone := none.Linears(Kept(New(x.Floats()[r*40:][:40], 1, 40)), layers...)
					for k := range alone {
						got := alone[k].Floats()
						for what, want := range map[string]*Var{"among others": among[k], "on a tape": taped[k]} {
							if !slices.Equal(got, want.Floats()[r*33:][:33]) {
								t.Fatalf("%s, adapter %d, bias %v: row %d of layer %d has other bits %s", name, i, b != nil, r, k, what)
							}
						}
					}
				}
			}
		}
	}
}

func TestResidual(t *testing.T) {
	x, y, scale := random(5, 7), random(5, 7), random(7)
	for _, s := range []*Var{nil, scale} {
		check(t, func(tp *Tape) *Var { return tp.Residual(x, copied(tp, y), s) }, map[string]*Var{"x": x, "y": y})
		check(t, func(tp *Tape) *Var { return tp.Residual(x, copied(tp, y), s) }, map[string]*Var{"y": y})
		check(t, func(tp *Tape) *Var { return tp.Residual(x, copied(tp, y), s) }, map[string]*Var{"x": x})
	}
}

func TestDropout(t *testing.T) {
	x, w := random(50, 40), Matrix{Var: New(make([]float32, 8*40), 8, 40)}
	a, b := random(4, 40), random(8, 4)
	run := func(seed uint64) []float32 {
		tp := &Tape{Seed: seed}
		for _, v := range []*Var{x, a, b} {
			v.SetRequiresGrad(true)
			v.ZeroGrad()
		}
		probe := random(50, 8)
		out := tp.Linears(Kept(x), Layer{W: w, Low: &LowRank{A: a, B: b, Scale: 1, Drop: 0.3}})[0]
		if err := tp.Backward(tp.Apply(&weighted{out, probe}), 1); err != nil {
			t.Fatal(err)
		}
		return x.GradFloats()
	}
	zero := 0
	for _, v := range run(1) {
		if v == 0 {
			zero++
		}
	}
	if zero < 500 || zero > 700 {
		t.Errorf("%d of 2000 elements dropped, want about 600", zero)
	}
}

func TestNorms(t *testing.T) {
	x, w, b := random(5, 7), random(7), random(7)
	check(t, func(tp *Tape) *Var { return tp.RMSNorm(x, w, 1e-5) }, map[string]*Var{"x": x, "w": w})
	check(t, func(tp *Tape) *Var { return tp.LayerNorm(x, w, b, 1e-5) }, map[string]*Var{"x": x, "w": w, "b": b})
}

func TestElementwise(t *testing.T) {
	x, y, g := random(5, 7), random(5, 7), random(7)
	check(t, func(tp *Tape) *Var { return tp.Add(x, y) }, map[string]*Var{"x": x, "y": y})
	check(t, func(tp *Tape) *Var { return tp.SwiGLU(x, y) }, map[string]*Var{"x": x, "y": y})
	check(t, func(tp *Tape) *Var { return tp.MulColumns(x, g) }, map[string]*Var{"x": x, "g": g})
	for _, a := range []kernels.Act{kernels.SiLU, kernels.QuickGELU, kernels.GELU, kernels.GELUTanh} {
		check(t, func(tp *Tape) *Var { return tp.Activate(a, x) }, map[string]*Var{"x": x})
	}
}

func TestAttention(t *testing.T) {
	spans := []kernels.Span{{Q0: 0, QN: 5, K0: 0, KN: 5}, {Q0: 5, QN: 8, K0: 5, KN: 8}}
	for _, c := range []kernels.Attention{
		{H: 4, KV: 2, D: 6, Scale: 0.4, Causal: true},
		{H: 2, KV: 2, D: 4, Scale: 0.5},
		{H: 2, KV: 1, D: 4, Scale: 0.5, Causal: true, Window: 3},
	} {
		q, k, v := random(13, c.H*c.D), random(13, c.KV*c.D), random(13, c.KV*c.D)
		check(t, func(tp *Tape) *Var { return tp.Attention(q, k, v, c, spans) }, map[string]*Var{"q": q, "k": k, "v": v})
	}
}

func TestRope(t *testing.T) {
	x := random(5, 2*6)
	table := kernels.NewRope([]float32{1, 0.1, 0.01}, 9)
	check(t, func(tp *Tape) *Var { return tp.Rope(copied(tp, x), []int32{0, 1, 2, 0, 8}, 2, table) }, map[string]*Var{"x": x})
}

func TestRows(t *testing.T) {
	table, rows := random(9, 4), random(2, 4)
	check(t, func(tp *Tape) *Var { return tp.Embedding(table, []int32{3, 0, 3, 8}) }, map[string]*Var{"table": table})
	x := random(5, 4)
	check(t, func(tp *Tape) *Var { return tp.Splice(copied(tp, x), rows, []int32{1, 4}) }, map[string]*Var{"x": x, "rows": rows})
	check(t, func(tp *Tape) *Var { return tp.SelectRows(x, []int32{4, 0, 2}) }, map[string]*Var{"x": x})
	z := random(5, 3)
	check(t, func(tp *Tape) *Var { return tp.ConcatColumns(x, z) }, map[string]*Var{"x": x, "z": z})
	p, cls, pos := random(6, 4), random(4), random(4, 4)
	check(t, func(tp *Tape) *Var { return tp.PatchTokens(p, cls, nil, pos, 2) }, map[string]*Var{"p": p, "cls": cls, "pos": pos})
	pos3 := random(3, 4)
	check(t, func(tp *Tape) *Var { return tp.PatchTokens(p, nil, nil, pos3, 2) }, map[string]*Var{"p": p, "pos": pos3})
	registers := random(1, 2, 4)
	check(t, func(tp *Tape) *Var { return tp.PatchTokens(p, cls, registers, pos, 2) },
		map[string]*Var{"p": p, "cls": cls, "registers": registers, "pos": pos})
	y := random(3, 10)
	check(t, func(tp *Tape) *Var { return tp.Columns(y, 2, 1, 4) }, map[string]*Var{"y": y})
	check(t, func(tp *Tape) *Var { return tp.Add(tp.Columns(y, 1, 0, 5), tp.Columns(y, 1, 5, 10)) }, map[string]*Var{"y": y})
}

func TestColumnsThatAreNotThere(t *testing.T) {
	x := random(3, 10)
	for _, c := range [][3]int{{3, 0, 1}, {0, 0, 1}, {2, 4, 6}, {2, 3, 3}, {1, -1, 2}} {
		var err error
		func() {
			defer Catch(&err)
			(*Tape)(nil).Columns(x, c[0], c[1], c[2])
		}()
		if err == nil || !strings.Contains(err.Error(), "groups of [3 10]") {
			t.Errorf("%v: error %v", c, err)
		}
	}
}

func TestCrossEntropy(t *testing.T) {
	x, w := random(5, 4), random(11, 4)
	gradcheck(t, func(tp *Tape) *Var {
		l, _ := tp.CrossEntropy(x, Matrix{Var: w}, []int32{0, 10, 3, 3, 7})
		return l
	}, map[string]*Var{"x": x, "w": w})
}

// A frozen head takes rows in blocks, and gives what a trained one gives.
func TestCrossEntropyInBlocks(t *testing.T) {
	const v, d = logitsAtATime / 64, 3 // 64 rows at a time
	n := 150
	x, w := random(n, d), random(v, d)
	targets := make([]int32, n)
	for i := range targets {
		targets[i] = int32(i * 1001 % v)
	}
	run := func(w Matrix) (float64, []float32) {
		x.SetRequiresGrad(true)
		x.ZeroGrad()
		tape := new(Tape)
		l, sum := tape.CrossEntropy(x, w, targets)
		if err := tape.Backward(l, 0.5); err != nil {
			t.Fatal(err)
		}
		return sum, append([]float32(nil), x.GradFloats()...)
	}
	loss, grad := run(Matrix{Packed: device.Host.Workers().Pack(w.buf.Host(), v, d, kernels.F32)})
	w.SetRequiresGrad(true)
	want, wantGrad := run(Matrix{Var: w})
	if math.Abs(loss-want) > 1e-9*want {
		t.Errorf("the loss is %.12g, in one piece %.12g", loss, want)
	}
	for i := range grad {
		if math.Abs(float64(grad[i]-wantGrad[i])) > 1e-6 {
			t.Fatalf("gradient %d is %g, in one piece %g", i, grad[i], wantGrad[i])
		}
	}
}

func TestCheckpointGivesTheSameBits(t *testing.T) {
	w1, w2, a, b := random(6, 6), random(6, 6), random(3, 6), random(6, 3)
	layer := func(t *Tape, x *Var) *Var {
		h := t.Activate(kernels.SiLU, t.Linear(x, Matrix{Var: w1}, nil))
		y := t.LastLinear(LazyActivate(kernels.SiLU, h), Layer{W: Matrix{Var: w2}, Low: &LowRank{A: a, B: b, Scale: 1, Drop: 0.3}})
		return t.Residual(x, y, nil)
	}
	x, probe := random(9, 6), random(9, 6)
	leaves := []*Var{x, w1, w2, a, b}
	run := func(checkpoint bool) (out [][]float32) {
		for _, v := range leaves {
			v.SetRequiresGrad(true)
			v.ZeroGrad()
		}
		tp, h := &Tape{Seed: 5}, x
		for range 3 {
			if checkpoint {
				h = tp.Checkpoint(h, leaves[1:], layer)
			} else {
				h = layer(tp, h)
			}
		}
		out = append(out, append([]float32(nil), h.buf.Host()...))
		if err := tp.Backward(tp.Apply(&weighted{h, probe}), 1); err != nil {
			t.Fatal(err)
		}
		for _, v := range leaves {
			out = append(out, append([]float32(nil), v.GradFloats()...))
		}
		return out
	}
	plain, again := run(false), run(true)
	for i := range plain {
		for j := range plain[i] {
			if plain[i][j] != again[i][j] {
				t.Fatalf("array %d, element %d: %g, with checkpoints %g", i, j, plain[i][j], again[i][j])
			}
		}
	}
}

func TestErrorsComeBack(t *testing.T) {
	run := func(f func()) (err error) {
		defer Catch(&err)
		f()
		return nil
	}
	for name, f := range map[string]func(){
		"linear":    func() { new(Tape).Linear(random(2, 3), Matrix{Var: random(4, 5)}, nil) },
		"embedding": func() { new(Tape).Embedding(random(3, 2), []int32{5}) },
		"target":    func() { new(Tape).CrossEntropy(random(1, 2), Matrix{Var: random(3, 2)}, []int32{3}) },
		"add":       func() { new(Tape).Add(random(1, 2), random(2, 1)) },
	} {
		if run(f) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNilTapeAndFrozenOperandsRecordNothing(t *testing.T) {
	x, y := random(3, 4), random(3, 4)
	tp := new(Tape)
	if tp.Add(x, y); tp.Len() != 0 {
		t.Error("an operation on untracked operands was recorded")
	}
	x.SetRequiresGrad(true)
	var none *Tape
	if none.Add(x, y).RequiresGrad() {
		t.Error("a nil tape tracked a result")
	}
}
