package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
)

type crossEntropy struct {
	x       *Var
	w       Matrix
	targets []int32
	grad    *Var // d loss / d logits
	loss    float64
}

// CrossEntropy returns the sum over rows of -log softmax(x·Wᵀ)[target], natural logarithm, as [1], and
// the same sum in float64. x is [n, d], the rows that have a target and no others; w is the head [V, d].
func (t *Tape) CrossEntropy(x *Var, w Matrix, targets []int32) (*Var, float64) {
	f := &crossEntropy{x: x, w: w, targets: targets}
	v := t.Apply(f)
	return v, f.loss
}

func (f *crossEntropy) Operands() []mat.Tensor { return tensors(f.x, f.w.Var) }

func (f *crossEntropy) Forward() (mat.Tensor, error) {
	n := f.x.Rows()
	v, d := f.w.Dims()
	if len(f.targets) != n || f.x.Cols() != d {
		return nil, fmt.Errorf("%d targets for x %v and a head [%d, %d]", len(f.targets), f.x.shape, v, d)
	}
	for i, t := range f.targets {
		if t < 0 || int(t) >= v {
			return nil, fmt.Errorf("target %d of row %d, the vocabulary has %d", t, i, v)
		}
	}
	f.grad = newVar(n, v)
	kernels.Mul(n, f.x.data, d, 1, f.w.right(), f.grad.data, v, false)
	f.loss = kernels.CrossEntropy(f.grad.data, f.targets, v)
	return New([]float32{float32(f.loss)}, 1), nil
}

func (f *crossEntropy) Backward(gy mat.Tensor) error {
	n := f.x.Rows()
	v, d := f.w.Dims()
	kernels.Scale(f.grad.data, gy.(*Var).data[0])
	if f.w.Var.RequiresGrad() {
		kernels.Mul(v, f.grad.data, 1, v, kernels.KN(f.x.data, n, d, d), f.w.Var.gradBuffer(), d, true)
	}
	if f.x.RequiresGrad() {
		dx := newVar(n, d)
		kernels.Mul(n, f.grad.data, v, 1, f.w.right().T(), dx.data, d, false)
		f.x.AccGrad(dx)
	}
	return nil
}

func (f *crossEntropy) release() { f.grad.release() }
