package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"
)

type embedding struct {
	table *Var
	ids   []int32
}

// Embedding returns rows ids of table [V, d] as [len(ids), d].
func (t *Tape) Embedding(table *Var, ids []int32) *Var { return t.Apply(&embedding{table, ids}) }

func (f *embedding) Operands() []mat.Tensor { return tensors(f.table) }

func (f *embedding) Forward() (mat.Tensor, error) {
	n, d := f.table.shape[0], f.table.Cols()
	for i, id := range f.ids {
		if id < 0 || int(id) >= n {
			return nil, fmt.Errorf("id %d at position %d, the table has %d rows", id, i, n)
		}
	}
	y := newVar(f.table.dev, len(f.ids), d)
	y.dev.Gather(y.buf, f.table.buf, f.ids, d)
	return y, nil
}

func (f *embedding) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	g.dev.ScatterAdd(f.table.gradBuffer(), g.buf, f.ids, f.table.Cols())
	g.release()
	return nil
}

type splice struct {
	x, rows *Var
	at      []int32
}

// Splice returns x [n, d] with row at[i] replaced by rows[i]. It takes x's memory, unless the operation that made x reads it again:
// x must not be used any more.
func (t *Tape) Splice(x, rows *Var, at []int32) *Var { return t.Apply(&splice{x, rows, at}) }

func (f *splice) Operands() []mat.Tensor { return tensors(f.x, f.rows) }

func (f *splice) Forward() (mat.Tensor, error) {
	d := f.x.Cols()
	if f.rows.Cols() != d || f.rows.Rows() != len(f.at) {
		return nil, fmt.Errorf("%v rows for %d places in %v", f.rows.shape, len(f.at), f.x.shape)
	}
	var y *Var
	if f.x.wanted() {
		y = newVar(f.x.dev, f.x.shape...)
		y.dev.Copy(y.buf, f.x.buf)
	} else {
		y = f.x.taken()
	}
	y.dev.Scatter(y.buf, f.rows.buf, f.at, d)
	return y, nil
}

func (f *splice) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	d := f.x.Cols()
	if f.rows.RequiresGrad() {
		dr := newVar(g.dev, f.rows.shape...)
		g.dev.Gather(dr.buf, g.buf, f.at, d)
		f.rows.AccGrad(dr)
	}
	if !f.x.RequiresGrad() {
		g.release()
		return nil
	}
	g.dev.ClearRows(g.buf, f.at, d)
	f.x.AccGrad(g)
	return nil
}

type selectRows struct {
	x    *Var
	at   []int32
	join int // rows that become one
}

// SelectRows returns rows at of x [n, d] as [len(at), d]. A row may be taken only once.
func (t *Tape) SelectRows(x *Var, at []int32) *Var { return t.JoinRows(x, at, 1) }

// JoinRows is SelectRows with every k rows laid side by side: [len(at)/k, k*d].
func (t *Tape) JoinRows(x *Var, at []int32, k int) *Var { return t.Apply(&selectRows{x, at, k}) }

func (f *selectRows) Operands() []mat.Tensor { return tensors(f.x) }

func (f *selectRows) Forward() (mat.Tensor, error) {
	if len(f.at)%f.join != 0 {
		return nil, fmt.Errorf("%d rows cannot be joined %d at a time", len(f.at), f.join)
	}
	d := f.x.Cols()
	y := newVar(f.x.dev, len(f.at)/f.join, f.join*d)
	y.dev.Gather(y.buf, f.x.buf, f.at, d)
	return y, nil
}

func (f *selectRows) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dx := newZero(g.dev, f.x.shape...)
	g.dev.Scatter(dx.buf, g.buf, f.at, f.x.Cols())
	g.release()
	f.x.AccGrad(dx)
	return nil
}

type concatColumns struct{ xs []*Var }

// ConcatColumns joins arrays of the same number of rows along the last dimension.
func (t *Tape) ConcatColumns(xs ...*Var) *Var {
	if len(xs) == 1 {
		return xs[0]
	}
	return t.Apply(&concatColumns{xs})
}

func (f *concatColumns) Operands() []mat.Tensor { return tensors(f.xs...) }

func (f *concatColumns) Forward() (mat.Tensor, error) {
	n, d := f.xs[0].Rows(), 0
	for _, x := range f.xs {
		if x.Rows() != n {
			return nil, fmt.Errorf("%d rows and %d rows", n, x.Rows())
		}
		d += x.Cols()
	}
	y := newVar(f.xs[0].dev, n, d)
	o := 0
	for _, x := range f.xs {
		c := x.Cols()
		y.dev.CopyColumns(y.buf, d, o, x.buf, c, 0, c, n)
		o += c
	}
	return y, nil
}

func (f *concatColumns) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	d, o := g.Cols(), 0
	for _, x := range f.xs {
		c := x.Cols()
		if x.RequiresGrad() {
			dx := newVar(g.dev, x.shape...)
			g.dev.CopyColumns(dx.buf, c, 0, g.buf, d, o, c, x.Rows())
			x.AccGrad(dx)
		}
		o += c
	}
	g.release()
	return nil
}

type concatRows struct{ xs []*Var }

// ConcatRows lays arrays of the same number of columns end to end.
func (t *Tape) ConcatRows(xs ...*Var) *Var { return t.Apply(&concatRows{xs}) }

func (f *concatRows) Operands() []mat.Tensor { return tensors(f.xs...) }

func (f *concatRows) Forward() (mat.Tensor, error) {
	n, d := 0, f.xs[0].Cols()
	for _, x := range f.xs {
		if x.Cols() != d {
			return nil, fmt.Errorf("%d columns and %d columns", d, x.Cols())
		}
		n += x.Rows()
	}
	y := newVar(f.xs[0].dev, n, d)
	at := 0
	for _, x := range f.xs {
		y.dev.Copy(y.buf.Part(at, x.Size()), x.buf)
		at += x.Size()
	}
	return y, nil
}

func (f *concatRows) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	at := 0
	for _, x := range f.xs {
		if x.RequiresGrad() {
			dx := newVar(g.dev, x.shape...)
			g.dev.Copy(dx.buf, g.buf.Part(at, x.Size()))
			x.AccGrad(dx)
		}
		at += x.Size()
	}
	g.release()
	return nil
}
