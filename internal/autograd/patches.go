package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"
)

type patchTokens struct {
	patches, cls, registers, pos *Var
	images                       int
}

// PatchTokens puts the class token, if there is one, before each image's patches and adds the position table; registers, if
// there are any, come between the class token and the patches and have no position. patches is [images*P, d], cls [d] or nil,
// registers [R, d] or nil, pos [P(+1), d]; the result is [images*((1+)R+P), d].
func (t *Tape) PatchTokens(patches, cls, registers, pos *Var, images int) *Var {
	return t.Apply(&patchTokens{patches, cls, registers, pos, images})
}

func (f *patchTokens) Operands() []mat.Tensor { return tensors(f.patches, f.cls, f.registers, f.pos) }

// sizes are the width and, of one image, the elements of the class token, the registers and the patches.
func (f *patchTokens) sizes() (d, cls, registers, patches int) {
	d = f.patches.Cols()
	if f.cls != nil {
		cls = d
	}
	if f.registers != nil {
		registers = f.registers.Size()
	}
	return d, cls, registers, f.patches.Size() / f.images
}

func (f *patchTokens) Forward() (mat.Tensor, error) {
	d, cls, registers, patches := f.sizes()
	switch {
	case f.pos.Size() == cls+patches:
	case cls > 0:
		return nil, fmt.Errorf("%d positions for %d patches and a class token", f.pos.Rows(), patches/d)
	default:
		return nil, fmt.Errorf("%d positions for %d patches", f.pos.Rows(), patches/d)
	}
	n := cls + registers + patches
	dev := f.patches.dev
	y := newVar(dev, f.images*n/d, d)
	for i := range f.images {
		o := y.buf.Part(i*n, n)
		if cls > 0 {
			dev.Copy(o.Part(0, cls), f.cls.buf)
			dev.Add(o.Part(0, cls), f.pos.buf.Part(0, cls))
		}
		if registers > 0 {
			dev.Copy(o.Part(cls, registers), f.registers.buf)
		}
		dev.AddTo(o.From(cls+registers), f.patches.buf.Part(i*patches, patches), f.pos.buf.From(cls))
	}
	return y, nil
}

func (f *patchTokens) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	_, cls, registers, patches := f.sizes()
	n := cls + registers + patches
	var dp *Var
	if f.patches.RequiresGrad() {
		dp = newVar(g.dev, f.patches.shape...)
	}
	for i := range f.images {
		o := g.buf.Part(i*n, n)
		if f.pos.RequiresGrad() {
			dpos := f.pos.gradBuffer()
			g.dev.Add(dpos.Part(0, cls), o.Part(0, cls))
			g.dev.Add(dpos.From(cls), o.From(cls+registers))
		}
		if f.cls.RequiresGrad() {
			g.dev.Add(f.cls.gradBuffer(), o.Part(0, cls))
		}
		if f.registers.RequiresGrad() {
			g.dev.Add(f.registers.gradBuffer(), o.Part(cls, registers))
		}
		if dp != nil {
			g.dev.Copy(dp.buf.Part(i*patches, patches), o.From(cls+registers))
		}
	}
	if dp != nil {
		f.patches.AccGrad(dp)
	}
	g.release()
	return nil
}
