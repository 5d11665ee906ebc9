package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
)

type lowRank struct {
	y, x, a, m, b *Var
	scale         float32
	u, v, dropped *Var // x·Aᵀ, scale·u·Mᵀ, and x after dropout when there is any
	mask          mask
}

// AddLowRank returns y + scale·B·M·A·x (MoSLoRA, arXiv 2406.11909, in the row convention
// y + scale·x·Aᵀ·Mᵀ·Bᵀ). It takes y's memory: y must not be used again. x is [n, in], a [r, in],
// m [r, r] or nil for plain LoRA, b [out, r]. drop is the probability of zeroing an element of x,
// used only with a tape.
func (t *Tape) AddLowRank(y, x, a, m, b *Var, scale float32, drop float64) *Var {
	f := &lowRank{y: y, x: x, a: a, m: m, b: b, scale: scale}
	if t != nil && drop > 0 {
		f.mask = t.newMask(drop)
	}
	return t.Apply(f)
}

func (l *lowRank) Operands() []mat.Tensor { return tensors(l.y, l.x, l.a, l.m, l.b) }

func (l *lowRank) Forward() (mat.Tensor, error) {
	n, in, r, out := l.x.Rows(), l.x.Cols(), l.a.shape[0], l.b.shape[0]
	if l.a.Cols() != in || l.b.Cols() != r || l.y.Cols() != out {
		return nil, fmt.Errorf("x %v, A %v, B %v do not fit y %v", l.x.shape, l.a.shape, l.b.shape, l.y.shape)
	}
	x := l.x
	if l.mask.on() {
		l.dropped = newVar(l.x.shape...)
		l.mask.apply(l.dropped.data, l.x.data)
		x = l.dropped
	}
	l.u = newVar(n, r)
	kernels.Mul(n, x.data, in, 1, kernels.NK(l.a.data, r, in, in), l.u.data, r, false)
	l.v = newVar(n, r)
	if l.m != nil {
		kernels.Mul(n, l.u.data, r, 1, kernels.NK(l.m.data, r, r, r), l.v.data, r, false)
	} else {
		copy(l.v.data, l.u.data)
	}
	kernels.Scale(l.v.data, l.scale)
	out2 := &Var{data: l.y.data, shape: l.y.shape}
	l.y.data = nil
	kernels.Mul(n, l.v.data, r, 1, kernels.NK(l.b.data, out, r, r), out2.data, out, true)
	return out2, nil
}

func (l *lowRank) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	n, in, r, out := l.x.Rows(), l.x.Cols(), l.a.shape[0], l.b.shape[0]
	if l.b.RequiresGrad() {
		kernels.Mul(out, g.data, 1, out, kernels.KN(l.v.data, n, r, r), l.b.gradBuffer(), r, true)
	}
	dv := newVar(n, r)
	kernels.Mul(n, g.data, out, 1, kernels.KN(l.b.data, out, r, r), dv.data, r, false)
	kernels.Scale(dv.data, l.scale)
	du := dv
	if l.m != nil {
		if l.m.RequiresGrad() {
			kernels.Mul(r, dv.data, 1, r, kernels.KN(l.u.data, n, r, r), l.m.gradBuffer(), r, true)
		}
		du = newVar(n, r)
		kernels.Mul(n, dv.data, r, 1, kernels.KN(l.m.data, r, r, r), du.data, r, false)
		dv.release()
	}
	x := l.x
	if l.dropped != nil {
		x = l.dropped
	}
	if l.a.RequiresGrad() {
		kernels.Mul(r, du.data, 1, r, kernels.KN(x.data, n, in, in), l.a.gradBuffer(), in, true)
	}
	if l.x.RequiresGrad() {
		dx := newVar(l.x.shape...)
		kernels.Mul(n, du.data, r, 1, kernels.KN(l.a.data, r, in, in), dx.data, in, false)
		if l.mask.on() {
			l.mask.apply(dx.data, dx.data)
		}
		l.x.AccGrad(dx)
	}
	du.release()
	if l.y.RequiresGrad() {
		l.y.AccGrad(g)
	} else {
		g.release()
	}
	return nil
}

func (l *lowRank) release() {
	for _, v := range []*Var{l.u, l.v, l.dropped} {
		if v != nil {
			v.release()
		}
	}
}
