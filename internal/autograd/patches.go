package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
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
	y := newVar(f.images*n/d, d)
	for i := range f.images {
		o := y.data[i*n:][:n]
		if cls > 0 {
			copy(o, f.cls.data)
		}
		if registers > 0 {
			copy(o[cls:], f.registers.data)
		}
		copy(o[cls+registers:], f.patches.data[i*patches:][:patches])
		kernels.Add(o[:cls], f.pos.data[:cls])
		kernels.Add(o[cls+registers:], f.pos.data[cls:])
	}
	return y, nil
}

func (f *patchTokens) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	_, cls, registers, patches := f.sizes()
	n := cls + registers + patches
	var dp *Var
	if f.patches.RequiresGrad() {
		dp = newVar(f.patches.shape...)
	}
	for i := range f.images {
		o := g.data[i*n:][:n]
		if f.pos.RequiresGrad() {
			dpos := f.pos.gradBuffer()
			kernels.Add(dpos[:cls], o[:cls])
			kernels.Add(dpos[cls:], o[cls+registers:])
		}
		if f.cls.RequiresGrad() {
			kernels.Add(f.cls.gradBuffer(), o[:cls])
		}
		if f.registers.RequiresGrad() {
			kernels.Add(f.registers.gradBuffer(), o[cls:cls+registers])
		}
		if dp != nil {
			copy(dp.data[i*patches:], o[cls+registers:])
		}
	}
	if dp != nil {
		f.patches.AccGrad(dp)
	}
	g.release()
	return nil
}
