package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
)

type matMul struct{ a, b *Var }

// MatMul returns a·b for a constant a [m, n]; b holds n rows, the result is [m, cols of b].
func (t *Tape) MatMul(a, b *Var) *Var { return t.Apply(&matMul{a, b}) }

func (f *matMul) Operands() []mat.Tensor { return tensors(f.b) }

func (f *matMul) Forward() (mat.Tensor, error) {
	m, n, d := f.a.Rows(), f.a.Cols(), f.b.Cols()
	if f.b.Rows() != n {
		return nil, fmt.Errorf("%v times %v", f.a.shape, f.b.shape)
	}
	y := newVar(f.b.dev, m, d)
	y.dev.Mul(m, f.a.buf, n, 1, device.KN(f.b.buf, n, d, d), y.buf, d, false)
	return y, nil
}

func (f *matMul) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	m, n, d := f.a.Rows(), f.a.Cols(), f.b.Cols()
	g.dev.Mul(n, f.a.buf, 1, n, device.KN(g.buf, m, d, d), f.b.gradBuffer(), d, true)
	g.release()
	return nil
}
