package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
)

// combine is a number that has been worked out from others on the host.
type combine struct {
	value   float64
	scalars []*Var
	slopes  []float64
}

// Combine returns value as [1], whose derivative by scalars[i], [1] each, is slopes[i]: for losses of a few numbers that are worked out in float64
// beside the tape.
func (t *Tape) Combine(value float64, scalars []*Var, slopes []float64) *Var {
	return t.Apply(&combine{value, scalars, slopes})
}

func (f *combine) Operands() []mat.Tensor { return tensors(f.scalars...) }

func (f *combine) Forward() (mat.Tensor, error) {
	if len(f.scalars) == 0 || len(f.scalars) != len(f.slopes) {
		return nil, fmt.Errorf("%d scalars and %d slopes", len(f.scalars), len(f.slopes))
	}
	for i, s := range f.scalars {
		if s.Size() != 1 {
			return nil, fmt.Errorf("operand %d has shape %v, want [1]", i, s.shape)
		}
	}
	return scalar(f.scalars[0].dev, float32(f.value)), nil
}

func (f *combine) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	seed := float64(g.dev.Item(g.buf))
	for i, s := range f.scalars {
		if s.RequiresGrad() {
			s.AccGrad(Of(s.dev, device.Wrap([]float32{float32(seed * f.slopes[i])}), 1))
		}
	}
	g.release()
	return nil
}
