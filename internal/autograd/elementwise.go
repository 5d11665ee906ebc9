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
	z := newVar(f.x.dev, f.x.shape...)
	z.dev.AddTo(z.buf, f.x.buf, f.y.buf)
	return z, nil
}

func (f *add) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	switch {
	case f.x.RequiresGrad() && f.y.RequiresGrad():
		h := newVar(g.dev, f.x.shape...)
		h.dev.Copy(h.buf, g.buf)
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
	dev, y := f.x.dev, f.y.buf
	var z *Var
	if f.y.wanted() {
		z = newVar(dev, f.y.shape...)
	} else {
		z = f.y.taken()
	}
	if f.scale != nil {
		dev.MulColumns(z.buf, y, f.scale.buf, z.Rows(), z.Cols())
		y = z.buf
	}
	dev.AddTo(z.buf, f.x.buf, y)
	return z, nil
}

func (f *residual) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dev, dy := g.dev, g
	if f.y.RequiresGrad() {
		if f.x.RequiresGrad() {
			dy = newVar(dev, f.y.shape...)
		}
		if f.scale != nil {
			dev.MulColumns(dy.buf, g.buf, f.scale.buf, g.Rows(), g.Cols())
		} else if dy != g {
			dev.Copy(dy.buf, g.buf)
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
	y := newVar(f.x.dev, f.x.shape...)
	y.dev.Activate(f.act, y.buf, f.x.buf)
	return y, nil
}

func (f *activation) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	g.dev.ActivateGrad(f.act, g.buf, g.buf, f.x.buf)
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
	y := newVar(f.gate.dev, f.gate.shape...)
	y.dev.SwiGLU(y.buf, f.gate.buf, f.up.buf)
	return y, nil
}

func (f *swiGLU) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dg, du := newVar(g.dev, f.gate.shape...), newVar(g.dev, f.up.shape...)
	g.dev.SwiGLUGrad(dg.buf, du.buf, g.buf, f.gate.buf, f.up.buf)
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
	y := newVar(f.x.dev, f.x.shape...)
	y.dev.MulColumns(y.buf, f.x.buf, f.g.buf, f.x.Rows(), f.x.Cols())
	return y, nil
}

func (f *mulColumns) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	if f.g.RequiresGrad() {
		g.dev.MulColumnsGrad(f.g.gradBuffer(), g.buf, f.x.buf, f.x.Rows(), f.x.Cols())
	}
	if !f.x.RequiresGrad() {
		g.release()
		return nil
	}
	g.dev.MulColumns(g.buf, g.buf, f.g.buf, f.x.Rows(), f.x.Cols())
	f.x.AccGrad(g)
	return nil
}
