package autograd

import (
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
)

type add struct{ x, y *Var }

// Add returns x + y, which must have the same shape.
func (t *Tape) Add(x, y *Var) *Var { return t.Apply(&add{x, y}) }

func (f *add) Operands() []mat.Tensor { return tensors(f.x, f.y) }

func (f *add) Forward() (mat.Tensor, error) {
	if !slices.Equal(f.x.shape, f.y.shape) {
		return nil, fmt.Errorf("shapes %v and %v differ", f.x.shape, f.y.shape)
	}
	z := newVar(f.x.shape...)
	kernels.AddTo(z.data, f.x.data, f.y.data)
	return z, nil
}

func (f *add) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	switch {
	case f.x.RequiresGrad() && f.y.RequiresGrad():
		h := newVar(f.x.shape...)
		kernels.Copy(h.data, g.data)
		f.x.AccGrad(h)
		f.y.AccGrad(g)
	case f.x.RequiresGrad():
		f.x.AccGrad(g)
	default:
		f.y.AccGrad(g)
	}
	return nil
}

type residual struct{ x, y, scale *Var }

// Residual returns x + y·diag(scale), or x + y without a scale (LayerScale), which must be frozen. It takes y's memory, unless the
// operation that made y reads it again: y must not be used any more.
func (t *Tape) Residual(x, y, scale *Var) *Var { return t.Apply(&residual{x, y, scale}) }

func (f *residual) Operands() []mat.Tensor { return tensors(f.x, f.y) }

func (f *residual) Forward() (mat.Tensor, error) {
	if !slices.Equal(f.x.shape, f.y.shape) {
		return nil, fmt.Errorf("shapes %v and %v differ", f.x.shape, f.y.shape)
	}
	if f.scale != nil && f.scale.Size() != f.y.Cols() {
		return nil, fmt.Errorf("y %v does not fit %v", f.y.shape, f.scale.shape)
	}
	y, z := f.y.data, &Var{data: f.y.data, shape: f.y.shape}
	if f.y.wanted() {
		z = newVar(f.y.shape...)
	} else {
		f.y.data = nil
	}
	if f.scale != nil {
		kernels.MulColumns(z.data, y, f.scale.data, z.Rows(), z.Cols())
		y = z.data
	}
	kernels.AddTo(z.data, f.x.data, y)
	return z, nil
}

func (f *residual) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dy := g
	if f.y.RequiresGrad() {
		if f.x.RequiresGrad() {
			dy = newVar(f.y.shape...)
		}
		if f.scale != nil {
			kernels.MulColumns(dy.data, g.data, f.scale.data, g.Rows(), g.Cols())
		} else if dy != g {
			kernels.Copy(dy.data, g.data)
		}
		f.y.AccGrad(dy)
	}
	if f.x.RequiresGrad() {
		f.x.AccGrad(g)
	}
	return nil
}

type activation struct {
	x   *Var
	act kernels.Act
}

// Activate returns act(x) element by element.
func (t *Tape) Activate(act kernels.Act, x *Var) *Var { return t.Apply(&activation{x, act}) }

func (f *activation) Operands() []mat.Tensor { return tensors(f.x) }

func (f *activation) Forward() (mat.Tensor, error) {
	y := newVar(f.x.shape...)
	kernels.Activate(f.act, y.data, f.x.data)
	return y, nil
}

func (f *activation) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	kernels.ActivateGrad(f.act, g.data, g.data, f.x.data)
	f.x.AccGrad(g)
	return nil
}

type swiGLU struct{ gate, up *Var }

// SwiGLU returns silu(gate)·up.
func (t *Tape) SwiGLU(gate, up *Var) *Var { return t.Apply(&swiGLU{gate, up}) }

func (f *swiGLU) Operands() []mat.Tensor { return tensors(f.gate, f.up) }

func (f *swiGLU) Forward() (mat.Tensor, error) {
	if !slices.Equal(f.gate.shape, f.up.shape) {
		return nil, fmt.Errorf("shapes %v and %v differ", f.gate.shape, f.up.shape)
	}
	y := newVar(f.gate.shape...)
	kernels.SwiGLU(y.data, f.gate.data, f.up.data)
	return y, nil
}

func (f *swiGLU) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dg, du := newVar(f.gate.shape...), newVar(f.up.shape...)
	kernels.SwiGLUGrad(dg.data, du.data, g.data, f.gate.data, f.up.data)
	g.release()
	for _, p := range [][2]*Var{{f.gate, dg}, {f.up, du}} {
		if p[0].RequiresGrad() {
			p[0].AccGrad(p[1])
		} else {
			p[1].release()
		}
	}
	return nil
}

type mulColumns struct{ x, g *Var }

// MulColumns returns x·diag(g): LayerScale. x is [..., d], g [d].
func (t *Tape) MulColumns(x, g *Var) *Var { return t.Apply(&mulColumns{x, g}) }

func (f *mulColumns) Operands() []mat.Tensor { return tensors(f.x, f.g) }

func (f *mulColumns) Forward() (mat.Tensor, error) {
	if f.x.Cols() != f.g.Size() {
		return nil, fmt.Errorf("x %v does not fit %v", f.x.shape, f.g.shape)
	}
	y := newVar(f.x.shape...)
	kernels.MulColumns(y.data, f.x.data, f.g.data, f.x.Rows(), f.x.Cols())
	return y, nil
}

func (f *mulColumns) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	if f.g.RequiresGrad() {
		kernels.MulColumnsGrad(f.g.gradBuffer(), g.data, f.x.data, f.x.Rows(), f.x.Cols())
	}
	if !f.x.RequiresGrad() {
		g.release()
		return nil
	}
	kernels.MulColumns(g.data, g.data, f.g.data, f.x.Rows(), f.x.Cols())
	f.x.AccGrad(g)
	return nil
}
