package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
)

type rmsNorm struct {
	x, w *Var
	eps  float64
	rstd *Var
}

// RMSNorm returns x/rms(x)·w by rows; x is [..., d], w [d].
func (t *Tape) RMSNorm(x, w *Var, eps float64) *Var { return t.Apply(&rmsNorm{x: x, w: w, eps: eps}) }

func (f *rmsNorm) Operands() []mat.Tensor { return tensors(f.x, f.w) }

func (f *rmsNorm) Forward() (mat.Tensor, error) {
	if f.x.Cols() != f.w.Size() {
		return nil, fmt.Errorf("x %v does not fit w %v", f.x.shape, f.w.shape)
	}
	y := newVar(f.x.shape...)
	f.rstd = newVar(f.x.Rows())
	kernels.RMSNorm(y.data, f.rstd.data, f.x.data, f.w.data, f.x.Rows(), f.x.Cols(), f.eps)
	return y, nil
}

func (f *rmsNorm) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	var dx, dw []float32
	if f.x.RequiresGrad() {
		dx = g.data // in place
	}
	if f.w.RequiresGrad() {
		dw = f.w.gradBuffer()
	}
	kernels.RMSNormGrad(dx, dw, g.data, f.x.data, f.w.data, f.rstd.data, f.x.Rows(), f.x.Cols())
	if dx == nil {
		g.release()
		return nil
	}
	f.x.AccGrad(g)
	return nil
}

func (f *rmsNorm) release() { f.rstd.release() }

type layerNorm struct {
	x, w, b    *Var
	eps        float64
	mean, rstd *Var
}

// LayerNorm returns (x-mean)/std·w + b by rows; x is [..., d], w and b [d].
func (t *Tape) LayerNorm(x, w, b *Var, eps float64) *Var {
	return t.Apply(&layerNorm{x: x, w: w, b: b, eps: eps})
}

func (f *layerNorm) Operands() []mat.Tensor { return tensors(f.x, f.w, f.b) }

func (f *layerNorm) Forward() (mat.Tensor, error) {
	if f.x.Cols() != f.w.Size() || f.x.Cols() != f.b.Size() {
		return nil, fmt.Errorf("x %v does not fit w %v, b %v", f.x.shape, f.w.shape, f.b.shape)
	}
	y := newVar(f.x.shape...)
	n, d := f.x.Rows(), f.x.Cols()
	f.mean, f.rstd = newVar(n), newVar(n)
	kernels.LayerNorm(y.data, f.mean.data, f.rstd.data, f.x.data, f.w.data, f.b.data, n, d, f.eps)
	return y, nil
}

func (f *layerNorm) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	var dx, dw, db []float32
	if f.x.RequiresGrad() {
		dx = g.data // in place
	}
	if f.w.RequiresGrad() {
		dw = f.w.gradBuffer()
	}
	if f.b.RequiresGrad() {
		db = f.b.gradBuffer()
	}
	kernels.LayerNormGrad(dx, dw, db, g.data, f.x.data, f.w.data, f.mean.data, f.rstd.data, f.x.Rows(), f.x.Cols())
	if dx == nil {
		g.release()
		return nil
	}
	f.x.AccGrad(g)
	return nil
}

func (f *layerNorm) release() { f.mean.release(); f.rstd.release() }
