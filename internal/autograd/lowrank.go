package autograd

import "moslava/internal/device"

// LowRank is a term of a linear layer beside its weight, Scale·B·M·A·x (MoSLoRA, arXiv 2406.11909).
type LowRank struct {
	A     *Var // [r, in]
	M     *Var // [r, r], or nil for plain LoRA
	B     *Var // [out, r]
	Scale float32
	Drop  float64 // probability of zeroing an element of x, used only with a tape
	// C, in place of M, has one coefficient for each run of Blocks[k] rows of A: M = diag(c1·I, c2·I, ...).
	C      *Var // [len(Blocks)], or nil
	Blocks []int
}

func (w *LowRank) rank() int { return w.A.shape[0] }

// addTo adds the term for x [n, in] to y [n, out].
func (w *LowRank) addTo(y, x *Var) {
	dev, n, r, in, out := w.A.dev, x.Rows(), w.rank(), w.A.Cols(), w.B.shape[0]
	u := newVar(dev, n, r)
	dev.Mul(n, x.buf, in, 1, device.NK(w.A.buf, r, in, in), u.buf, r, false)
	v := w.mixed(u)
	dev.Mul(n, v.buf, r, 1, device.NK(w.B.buf, out, r, r), y.buf, out, true)
	u.release()
	v.release()
}

// mixed is Scale·u·Mᵀ.
func (w *LowRank) mixed(u *Var) *Var {
	dev, n, r := u.dev, u.Rows(), w.rank()
	v := newVar(dev, n, r)
	if w.M == nil {
		dev.ScaleTo(v.buf, u.buf, w.Scale)
		if w.C != nil {
			c := w.coefficients()
			dev.MulColumns(v.buf, v.buf, c.buf, n, r)
			c.release()
		}
		return v
	}
	dev.Mul(n, u.buf, r, 1, device.NK(w.M.buf, r, r, r), v.buf, r, false)
	dev.ScaleTo(v.buf, v.buf, w.Scale)
	return v
}

// coefficients are C's, one for each row of A.
func (w *LowRank) coefficients() *Var {
	out := newVar(w.C.dev, w.rank())
	out.dev.Repeat(out.buf, w.C.buf, w.Blocks)
	return out
}

// blocksBackward adds to the gradient of C and makes of dv, that of Scale·C·u, that of u.
func (w *LowRank) blocksBackward(dv, u *Var) {
	dev, n, r := dv.dev, dv.Rows(), w.rank()
	if w.C.RequiresGrad() {
		sums := newZero(dev, r)
		dev.MulColumnsGrad(sums.buf, dv.buf, u.buf, n, r)
		dev.AddBlocks(w.C.gradBuffer(), sums.buf, w.Blocks)
		sums.release()
	}
	c := w.coefficients()
	dev.MulColumns(dv.buf, dv.buf, c.buf, n, r)
	c.release()
}

// lowPass is the adapter of one layer in one pass.
type lowPass struct {
	mask mask
	u    *Var        // x·Aᵀ
	g    device.Left // gradient of the layer's result, if there is one
	du   *Var        // of u
}

// lowForward computes u of every adapter.
func (f *linears) lowForward(x *Var, left device.Left) {
	dev, n, in := x.dev, x.Rows(), x.Cols()
	var sums []device.Sum
	for i, l := range f.layers {
		if l.Low == nil {
			continue
		}
		p, r := &f.low[i], l.Low.rank()
		p.u = newVar(dev, n, r)
		s := device.Sum{Terms: []device.Term{{A: left, B: device.NK(l.Low.A.buf, r, in, in)}}, C: p.u.buf, LDC: r}
		if !p.mask.on() {
			sums = append(sums, s)
			continue
		}
		dropped := p.drop(x)
		dev.Mul(n, dropped.buf, in, 1, s.Terms[0].B, p.u.buf, r, false)
		dropped.release()
	}
	dev.Sums(sums...)
}

func (p *lowPass) drop(x *Var) *Var {
	d := newVar(x.dev, x.shape...)
	x.dev.Drop(p.mask.Mask, d.buf, x.buf)
	return d
}

// lowBackward adds to the gradients of A, M and B and leaves that of u.
func (f *linears) lowBackward(x *Var) {
	dev, n, in := x.dev, x.Rows(), x.Cols()
	var sums []device.Sum
	dvs := make([]*Var, len(f.layers))
	for i, l := range f.layers {
		if l.Low == nil || f.grads[i] == nil {
			continue
		}
		r, out := l.Low.rank(), l.Low.B.shape[0]
		dvs[i] = newVar(dev, n, r)
		sums = append(sums, device.Sum{Terms: []device.Term{{A: f.low[i].g, B: device.KN(l.Low.B.buf, out, r, r)}}, C: dvs[i].buf, LDC: r})
	}
	dev.Sums(sums...)
	for i, dv := range dvs {
		if dv == nil {
			continue
		}
		w, p := f.layers[i].Low, &f.low[i]
		r, out := w.rank(), w.B.shape[0]
		dev.ScaleTo(dv.buf, dv.buf, w.Scale)
		if w.B.RequiresGrad() {
			v := w.mixed(p.u)
			dev.Mul(out, f.grads[i].buf, 1, out, device.KN(v.buf, n, r, r), w.B.gradBuffer(), r, true)
			v.release()
		}
		p.du = dv
		if w.C != nil {
			w.blocksBackward(dv, p.u)
		}
		if w.M != nil {
			if w.M.RequiresGrad() {
				dev.Mul(r, dv.buf, 1, r, device.KN(p.u.buf, n, r, r), w.M.gradBuffer(), r, true)
			}
			p.du = newVar(dev, n, r)
			dev.Mul(n, dv.buf, r, 1, device.KN(w.M.buf, r, r, r), p.du.buf, r, false)
			dv.release()
		}
		if !w.A.RequiresGrad() {
			continue
		}
		read := x
		if p.mask.on() {
			read = p.drop(x)
		}
		dev.Mul(r, p.du.buf, 1, r, device.KN(read.buf, n, in, in), w.A.gradBuffer(), in, true)
		if read != x {
			read.release()
		}
	}
}

// lowTerms are the adapters' parts of the gradient of x, where nothing was dropped.
func (f *linears) lowTerms() (terms []device.Term, rooms []packed) {
	for i, p := range f.low {
		if p.du == nil || p.mask.on() {
			continue
		}
		a := f.layers[i].Low.A
		r := pack(p.du)
		rooms = append(rooms, r)
		terms = append(terms, device.Term{A: r.left, B: device.KN(a.buf, a.shape[0], a.Cols(), a.Cols())})
	}
	return terms, rooms
}

// addDropped adds the other adapters' parts to dx.
func (f *linears) addDropped(dx *Var) {
	for i, p := range f.low {
		if p.du == nil || !p.mask.on() {
			continue
		}
		dev, a := dx.dev, f.layers[i].Low.A
		d := newVar(dev, dx.shape...)
		dev.Mul(d.Rows(), p.du.buf, a.shape[0], 1, device.KN(a.buf, a.shape[0], a.Cols(), a.Cols()), d.buf, a.Cols(), false)
		dev.Drop(p.mask.Mask, d.buf, d.buf)
		dev.Add(dx.buf, d.buf)
		d.release()
	}
}
