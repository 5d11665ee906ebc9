package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
)

// Matrix is the weight of a linear layer: a Var when it may be trained, or frozen and packed.
type Matrix struct {
	Var    *Var            // [out, in], or nil
	Packed *kernels.Packed // K = in, N = out, or nil
}

// Dims returns out and in.
func (m Matrix) Dims() (out, in int) {
	if m.Packed != nil {
		return m.Packed.N, m.Packed.K
	}
	return m.Var.shape[0], m.Var.Size() / m.Var.shape[0]
}

// right is the matrix as the right-hand side of x·Wᵀ.
func (m Matrix) right() *kernels.Packed {
	if m.Packed != nil {
		return m.Packed
	}
	out, in := m.Dims()
	return kernels.NK(m.Var.data, out, in, in)
}

type linear struct {
	x, b *Var
	w    Matrix
}

// Linear returns x·Wᵀ + b. x is [..., in], w [out, in], b [out] or nil; the result is [..., out].
func (t *Tape) Linear(x *Var, w Matrix, b *Var) *Var { return t.Apply(&linear{x: x, w: w, b: b}) }

func (l *linear) Operands() []mat.Tensor { return tensors(l.x, l.w.Var, l.b) }

func (l *linear) Forward() (mat.Tensor, error) {
	out, in := l.w.Dims()
	if l.x.Cols() != in {
		return nil, fmt.Errorf("x %v does not fit a weight [%d, %d]", l.x.shape, out, in)
	}
	n := l.x.Rows()
	y := newVar(n, out)
	kernels.Mul(n, l.x.data, in, 1, l.w.right(), y.data, out, false)
	if l.b != nil {
		kernels.AddBias(y.data, l.b.data, n, out)
	}
	return y, nil
}

func (l *linear) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	out, in := l.w.Dims()
	n := l.x.Rows()
	if l.b.RequiresGrad() {
		kernels.SumRows(l.b.gradBuffer(), g.data, n, out)
	}
	if l.w.Var.RequiresGrad() {
		kernels.Mul(out, g.data, 1, out, kernels.KN(l.x.data, n, in, in), l.w.Var.gradBuffer(), in, true)
	}
	if l.x.RequiresGrad() {
		dx := newVar(l.x.shape...)
		kernels.Mul(n, g.data, out, 1, l.w.right().T(), dx.data, in, false)
		l.x.AccGrad(dx)
	}
	g.release()
	return nil
}
