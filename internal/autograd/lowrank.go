package autograd

import "moslava/internal/kernels"

// LowRank is what an adapter adds to a linear layer, Scale·B·M·A·x (MoSLoRA, arXiv 2406.11909).
type LowRank struct {
	A     *Var // [r, in]
	M     *Var // [r, r], or nil for plain LoRA
	B     *Var // [out, r]
	Scale float32
	Drop  float64 // probability of zeroing an element of x, used only with a tape
	// C, in place of M, has one coefficient for each run of Blocks[k] rows of A: M = diag(c1·I, c2·I, ...).
	C      *Var // [len(Blocks)], or nil
	Blocks []int
	// Magnitude, if there is one, scales what weight and adapter make together.
	Magnitude *Magnitude
	// Bias [out], if there is one, is added times Scale (PEFT's lora_bias).
	Bias *Var
}

func (w *LowRank) rank() int { return w.A.shape[0] }

// AddTo adds the term for x [rows, in] to y [rows, out], without a tape.
func (w *LowRank) AddTo(rows int, y, x []float32) {
	r, in, out := w.rank(), w.A.Cols(), w.B.shape[0]
	u := newVar(rows, r)
	kernels.Mul(rows, x, in, 1, kernels.NK(w.A.data, r, in, in), u.data, r, false)
	v := w.mixed(u)
	kernels.Mul(rows, v.data, r, 1, kernels.NK(w.B.data, out, r, r), y, out, true)
	u.release()
	v.release()
}

// Shift is what Bias makes of a layer's own bias, which may be nil.
func (w *LowRank) Shift(t *Tape, bias *Var) *Var {
	if w.Bias == nil {
		return bias
	}
	scale := make([]float32, w.Bias.Size())
	for i := range scale {
		scale[i] = w.Scale
	}
	b := t.MulColumns(w.Bias, New(scale, len(scale)))
	if bias == nil {
		return b
	}
	return t.Add(bias, b)
}

// AddShift adds Scale·Bias to the rows of y, without a tape.
func (w *LowRank) AddShift(rows int, y []float32) {
	if w.Bias != nil {
		kernels.AddBias(y, w.Shift(nil, nil).data, rows, w.Bias.Size())
	}
}

// AddTurnedTo adds x·(Scale·B·M·A) for x [rows, out] to y [rows, in]: the term of the transposed weight, without a tape.
func (w *LowRank) AddTurnedTo(rows int, y, x []float32) {
	r, in, out := w.rank(), w.A.Cols(), w.B.shape[0]
	v := newVar(rows, r)
	kernels.Mul(rows, x, out, 1, kernels.KN(w.B.data, out, r, r), v.data, r, false)
	if w.M != nil {
		u := newVar(rows, r)
		kernels.Mul(rows, v.data, r, 1, kernels.KN(w.M.data, r, r, r), u.data, r, false)
		v.release()
		v = u
	}
	kernels.ScaleTo(v.data, v.data, w.Scale)
	kernels.Mul(rows, v.data, r, 1, kernels.KN(w.A.data, r, in, in), y, in, true)
	v.release()
}

// mixed is Scale·u·Mᵀ.
func (w *LowRank) mixed(u *Var) *Var {
	n, r := u.Rows(), w.rank()
	v := newVar(n, r)
	if w.M == nil {
		kernels.ScaleTo(v.data, u.data, w.Scale)
		if w.C != nil {
			kernels.MulColumns(v.data, v.data, w.coefficients(), n, r)
		}
		return v
	}
	kernels.Mul(n, u.data, r, 1, kernels.NK(w.M.data, r, r, r), v.data, r, false)
	kernels.ScaleTo(v.data, v.data, w.Scale)
	return v
}

// coefficients are C's, one for each row of A.
func (w *LowRank) coefficients() []float32 {
	out := make([]float32, 0, w.rank())
	for k, n := range w.Blocks {
		for range n {
			out = append(out, w.C.data[k])
		}
	}
	return out
}

// blocksBackward adds to the gradient of C and makes of dv, that of Scale·C·u, that of u.
func (w *LowRank) blocksBackward(dv, u *Var) {
	n, r := dv.Rows(), w.rank()
	if w.C.RequiresGrad() {
		sums := make([]float32, r)
		kernels.MulColumnsGrad(sums, dv.data, u.data, n, r)
		at := 0
		for k, g := range w.C.gradBuffer() {
			sum := float64(g)
			for _, s := range sums[at:][:w.Blocks[k]] {
				sum += float64(s)
			}
			w.C.grad.data[k] = float32(sum)
			at += w.Blocks[k]
		}
	}
	kernels.MulColumns(dv.data, dv.data, w.coefficients(), n, r)
}

// lowPass is the adapter of one layer in one pass.
type lowPass struct {
	mask mask
	u    *Var          // x·Aᵀ
	g    *kernels.Left // gradient of the layer's result
	du   *Var          // of u
}

// lowForward computes u of every adapter.
func (f *linears) lowForward(x *Var, left *kernels.Left) {
	n, in := x.Rows(), x.Cols()
	var sums []kernels.Sum
	for i, l := range f.layers {
		if l.Low == nil {
			continue
		}
		p, r := &f.low[i], l.Low.rank()
		p.u = newVar(n, r)
		s := kernels.Sum{Terms: []kernels.Term{{A: left, B: kernels.NK(l.Low.A.data, r, in, in)}}, C: p.u.data, LDC: r}
		if !p.mask.on() {
			sums = append(sums, s)
			continue
		}
		dropped := p.drop(x)
		kernels.Mul(n, dropped.data, in, 1, s.Terms[0].B, p.u.data, r, false)
		dropped.release()
	}
	kernels.Sums(sums...)
}

func (p *lowPass) drop(x *Var) *Var {
	d := newVar(x.shape...)
	p.mask.apply(d.data, x.data)
	return d
}

// lowBackward adds to the gradients of A, M and B and leaves that of u.
func (f *linears) lowBackward(x *Var) {
	n, in := x.Rows(), x.Cols()
	var sums []kernels.Sum
	dvs := make([]*Var, len(f.layers))
	for i, l := range f.layers {
		if l.Low == nil || f.low[i].g == nil {
			continue
		}
		r, out := l.Low.rank(), l.Low.B.shape[0]
		dvs[i] = newVar(n, r)
		sums = append(sums, kernels.Sum{Terms: []kernels.Term{{A: f.low[i].g, B: kernels.KN(l.Low.B.data, out, r, r)}}, C: dvs[i].data, LDC: r})
	}
	kernels.Sums(sums...)
	for i, dv := range dvs {
		if dv == nil {
			continue
		}
		w, p := f.layers[i].Low, &f.low[i]
		r, out := w.rank(), w.B.shape[0]
		kernels.ScaleTo(dv.data, dv.data, w.Scale)
		if w.B.RequiresGrad() {
			v := w.mixed(p.u)
			kernels.Mul(out, f.grads[i].data, 1, out, kernels.KN(v.data, n, r, r), w.B.gradBuffer(), r, true)
			v.release()
		}
		p.du = dv
		if w.C != nil {
			w.blocksBackward(dv, p.u)
		}
		if w.M != nil {
			if w.M.RequiresGrad() {
				kernels.Mul(r, dv.data, 1, r, kernels.KN(p.u.data, n, r, r), w.M.gradBuffer(), r, true)
			}
			p.du = newVar(n, r)
			kernels.Mul(n, dv.data, r, 1, kernels.KN(w.M.data, r, r, r), p.du.data, r, false)
			dv.release()
		}
		if !w.A.RequiresGrad() {
			continue
		}
		read := x
		if p.mask.on() {
			read = p.drop(x)
		}
		kernels.Mul(r, p.du.data, 1, r, kernels.KN(read.data, n, in, in), w.A.gradBuffer(), in, true)
		if read != x {
			read.release()
		}
	}
}

// lowTerms are the adapters' parts of the gradient of x, where nothing was dropped.
func (f *linears) lowTerms() (terms []kernels.Term, rooms []packed) {
	for i, p := range f.low {
		if p.du == nil || p.mask.on() {
			continue
		}
		a := f.layers[i].Low.A
		r := pack(p.du.data, p.du.Rows(), a.shape[0])
		rooms = append(rooms, r)
		terms = append(terms, kernels.Term{A: r.left, B: kernels.KN(a.data, a.shape[0], a.Cols(), a.Cols())})
	}
	return terms, rooms
}

// addDropped adds the other adapters' parts to dx.
func (f *linears) addDropped(dx *Var) {
	for i, p := range f.low {
		if p.du == nil || !p.mask.on() {
			continue
		}
		a := f.layers[i].Low.A
		d := newVar(dx.shape...)
		kernels.Mul(d.Rows(), p.du.data, a.shape[0], 1, kernels.KN(a.data, a.shape[0], a.Cols(), a.Cols()), d.data, a.Cols(), false)
		p.mask.apply(d.data, d.data)
		kernels.Add(dx.data, d.data)
		d.release()
	}
}
