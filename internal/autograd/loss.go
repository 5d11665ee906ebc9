package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
)

type crossEntropy struct {
	x       *Var
	w       Matrix
	targets []int32
	grad    *Var // d loss / d logits, for a head that is trained
	dx      *Var // d loss / d x, for one that is not
	loss    float64
}

// logitsAtATime is how many logits exist at a time where the head is not trained: 64 MiB.
const logitsAtATime = 1 << 24

// LogitRows is how many rows of a vocabulary of v CrossEntropy takes at a time.
func LogitRows(v int) int { return max(64, logitsAtATime/max(1, v)) }

// CrossEntropy returns the sum over rows of -log softmax(x·Wᵀ)[target], natural logarithm, as [1], and
// the same sum in float64. x is [n, d], the rows that have a target and no others; w is the head [V, d]. With a frozen head the
// gradient of x is computed at once, block of rows by block of rows, and logits are not kept.
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
	dev := f.x.dev
	if f.w.Var.RequiresGrad() {
		f.grad = newVar(dev, n, v)
		f.loss = f.rows(f.grad, 0, n)
		return scalar(dev, float32(f.loss)), nil
	}
	if f.x.RequiresGrad() {
		f.dx = newVar(dev, n, d)
	}
	step := LogitRows(v)
	logits := newVar(dev, min(step, n), v)
	for i := 0; i < n; i += step {
		m := min(step, n-i)
		f.loss += f.rows(logits, i, m)
		if f.dx != nil {
			dev.Mul(m, logits.buf, v, 1, f.w.right().T(), f.dx.buf.From(i*d), d, false)
		}
	}
	logits.release()
	return scalar(dev, float32(f.loss)), nil
}

// rows is the loss of m rows from i on; it leaves the gradient of their logits.
func (f *crossEntropy) rows(logits *Var, i, m int) float64 {
	v, d := f.w.Dims()
	dev := f.x.dev
	dev.Mul(m, f.x.buf.From(i*d), d, 1, f.w.right(), logits.buf, v, false)
	return dev.CrossEntropy(logits.buf.Part(0, m*v), f.targets[i:i+m], v)
}

func (f *crossEntropy) Backward(gy mat.Tensor) error {
	dev, n := f.x.dev, f.x.Rows()
	seed := dev.Item(gy.(*Var).buf)
	gy.(*Var).release()
	v, d := f.w.Dims()
	if f.grad == nil {
		dev.ScaleTo(f.dx.buf, f.dx.buf, seed)
		f.x.AccGrad(f.dx)
		f.dx = nil
		return nil
	}
	dev.ScaleTo(f.grad.buf, f.grad.buf, seed)
	dev.Mul(v, f.grad.buf, 1, v, device.KN(f.x.buf, n, d, d), f.w.Var.gradBuffer(), d, true)
	if f.x.RequiresGrad() {
		dx := newVar(dev, n, d)
		dev.Mul(n, f.grad.buf, v, 1, f.w.right().T(), dx.buf, d, false)
		f.x.AccGrad(dx)
	}
	return nil
}

func (f *crossEntropy) release() {
	f.grad.release()
	f.dx.release()
}
