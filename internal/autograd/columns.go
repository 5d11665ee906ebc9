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
	y := newVar(f.x.dev, f.x.Rows(), f.groups*c)
	y.dev.CopyColumns(y.buf, c, 0, f.x.buf, w, f.from, c, f.x.Rows()*f.groups)
	return y, nil
}

func (f *columns) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	w, c := f.x.Cols()/f.groups, f.to-f.from
	g.dev.AddColumns(f.x.gradBuffer(), w, f.from, g.buf, c, 0, c, f.x.Rows()*f.groups)
	g.release()
	return nil
}
