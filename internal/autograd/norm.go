package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
)

type rmsNorm struct {
	x, w *Var
	eps  float64
	rstd *Var
}

// RMSNorm returns x/rms(x)·w by rows of d; x is [..., d], or [..., k·d] of k rows each, w [d].
func (t *Tape) RMSNorm(x, w *Var, eps float64) *Var { return t.Apply(&rmsNorm{x: x, w: w, eps: eps}) }

func (f *rmsNorm) Operands() []mat.Tensor { return tensors(f.x, f.w) }

func (f *rmsNorm) Forward() (mat.Tensor, error) {
	d := f.w.Size()
	if d == 0 || f.x.Cols()%d != 0 {
		return nil, fmt.Errorf("x %v does not fit w %v", f.x.shape, f.w.shape)
	}
	dev := f.x.dev
	y := newVar(dev, f.x.shape...)
	f.rstd = newVar(dev, f.x.Size()/d)
	dev.RMSNorm(y.buf, f.rstd.buf, f.x.buf, f.w.buf, f.x.Size()/d, d, f.eps)
	return y, nil
}

func (f *rmsNorm) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	var dx, dw device.Buffer
	if f.x.RequiresGrad() {
		dx = g.buf // in place
	}
	if f.w.RequiresGrad() {
		dw = f.w.gradBuffer()
	}
	d := f.w.Size()
	g.dev.RMSNormGrad(dx, dw, g.buf, f.x.buf, f.w.buf, f.rstd.buf, f.x.Size()/d, d)
	if dx.None() {
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
	dev := f.x.dev
	y := newVar(dev, f.x.shape...)
	n, d := f.x.Rows(), f.x.Cols()
	f.mean, f.rstd = newVar(dev, n), newVar(dev, n)
	dev.LayerNorm(y.buf, f.mean.buf, f.rstd.buf, f.x.buf, f.w.buf, f.b.buf, n, d, f.eps)
	return y, nil
}

func (f *layerNorm) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	var dx, dw, db device.Buffer
	if f.x.RequiresGrad() {
		dx = g.buf // in place
	}
	if f.w.RequiresGrad() {
		dw = f.w.gradBuffer()
	}
	if f.b.RequiresGrad() {
		db = f.b.gradBuffer()
	}
	g.dev.LayerNormGrad(dx, dw, db, g.buf, f.x.buf, f.w.buf, f.mean.buf, f.rstd.buf, f.x.Rows(), f.x.Cols())
	if dx.None() {
		g.release()
		return nil
	}
	f.x.AccGrad(g)
	return nil
}

func (f *layerNorm) release() { f.mean.release(); f.rstd.release() }
