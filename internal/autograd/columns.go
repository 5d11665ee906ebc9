package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"
)

// columns selects the same columns of each group.
type columns struct {
	x                *Var
	groups, from, to int
}

// Columns returns columns from to to of each of the groups of equal width that the last dimension of x [n, groups*w] has:
// [n, groups*(to-from)]. With it the result of one linear layer becomes that of several whose weights lie in one matrix.
func (t *Tape) Columns(x *Var, groups, from, to int) *Var {
	return t.Apply(&columns{x, groups, from, to})
}

func (f *columns) Operands() []mat.Tensor { return tensors(f.x) }

func (f *columns) Forward() (mat.Tensor, error) {
	if f.groups <= 0 || f.x.Cols()%f.groups != 0 || f.from < 0 || f.from >= f.to || f.to > f.x.Cols()/f.groups {
		return nil, fmt.Errorf("columns %d to %d in each of %d groups of %v", f.from, f.to, f.groups, f.x.shape)
	}
	w, c := f.x.Cols()/f.groups, f.to-f.from
	y := newVar(f.x.Rows(), f.groups*c)
	for i := range f.x.Rows() * f.groups {
		copy(y.data[i*c:][:c], f.x.data[i*w+f.from:])
	}
	return y, nil
}

func (f *columns) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	if f.x.grad == nil {
		f.x.grad = newZero(f.x.shape...)
	}
	w, c := f.x.Cols()/f.groups, f.to-f.from
	for i := range f.x.Rows() * f.groups {
		dx := f.x.grad.data[i*w+f.from:][:c]
		for j, v := range g.data[i*c:][:c] {
			dx[j] += v
		}
	}
	g.release()
	return nil
}
