// Package nn has the parameters of a model, the scopes in which they are declared, and the layers that towers share. A
// constructor declares name, shape and start of each parameter once; the same constructor loads from a checkpoint or
// draws at random. The package knows no tower, and of adapters only the interface through which they are hung on a
// layer.
package nn

import (
	"fmt"
	"iter"
	"slices"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
)

// Param is a named array of a model, under its Hugging Face name.
type Param struct {
	Name    string
	Shape   []int
	dev     device.Device
	v       *autograd.Var   // nil if only the packed form is kept
	packed  *kernels.Packed // of a frozen weight of a product
	round   bool            // packed has fewer bits than the parameter came with
	kind    kernels.Kind    // that packed was asked for
	product bool            // it stands in a product or is a table, and may be packed
	file    kernels.Kind    // of an outline: the smallest form that has all elements of its file
}

// NewParam makes a parameter that is not (yet) in a tree.
func NewParam(name string, data []float32, shape ...int) *Param {
	return newParam(name, autograd.New(data, shape...))
}

// NewParamOn is NewParam on a device. Where there are no elements the shape is enough, and data is not looked at.
func NewParamOn(dev device.Device, name string, data []float32, shape ...int) *Param {
	p := &Param{Name: name, Shape: shape}
	b := device.Wrap(data)
	if !dev.HasElements() {
		b = dev.New(p.Size())
	}
	return newParam(name, autograd.Of(dev, b, shape...))
}

// Declare is NewParamOn with elements from src, which is not asked where there are none.
func Declare(dev device.Device, src Source, name string, init Init, shape ...int) (*Param, error) {
	if !dev.HasElements() {
		return NewParamOn(dev, name, nil, shape...), nil
	}
	data, err := src.Tensor(name, shape, init)
	if err != nil {
		return nil, err
	}
	return NewParamOn(dev, name, data, shape...), nil
}

func newParam(name string, v *autograd.Var) *Param {
	return &Param{Name: name, Shape: v.Shape(), dev: v.Device(), v: v}
}

// Var is the parameter on the tape. It must not be used for a packed weight.
func (p *Param) Var() *autograd.Var { return p.v }

// Size is the number of elements.
func (p *Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Trainable reports whether the parameter collects a gradient.
func (p *Param) Trainable() bool { return p.v != nil && p.v.RequiresGrad() }

// Outlined reports whether the parameter has a shape and no elements.
func (p *Param) Outlined() bool { return !p.dev.HasElements() }

// Floats returns the elements: the memory itself, or of a weight that is only kept packed a copy.
func (p *Param) Floats() []float32 {
	if p.v != nil {
		return p.v.Floats()
	}
	return p.dev.Unpack(p.packed).Host()
}

// matrix is the parameter as the weight of a product.
func (p *Param) matrix() autograd.Matrix {
	if p.packed != nil {
		return autograd.Matrix{Packed: p.packed}
	}
	return autograd.Matrix{Var: p.v}
}

// pack stores a frozen weight [out, in] in the form that products read fastest and drops the
// plain one, unless keep. Of kernels.F32 it takes the smallest form that has the same elements; if that is smaller
// than float32, the plain one is dropped in any case: rows are read from the packed one.
func (p *Param) pack(kind kernels.Kind, keep bool) {
	p.kind = kind
	if p.round = kind != kernels.F32; !p.round {
		kind = p.lossless()
		keep = keep && kind == kernels.F32
	}
	p.packed = p.dev.PackWeight(p.v.Buffer(), p.Shape[0], p.Size()/p.Shape[0], kind)
	if !keep {
		p.v = nil
	}
}

// plainBytes is the memory of the plain form.
func (p *Param) plainBytes() int {
	if p.v == nil {
		return 0
	}
	return 4 * len(p.v.Floats())
}

// lossless is the smallest form with the same elements: that of a parameter without elements is what its file is said to have.
func (p *Param) lossless() kernels.Kind {
	if w := p.v.Floats(); w != nil {
		return device.Host.Workers().Lossless(w)
	}
	return p.file
}

// asked is the storage that the packed weight was to have.
func (p *Param) asked() kernels.Kind {
	if p.Rounded() {
		return p.kind
	}
	return kernels.F32
}

// unpack undoes pack.
func (p *Param) unpack() {
	if p.v == nil {
		p.v = autograd.Of(p.dev, p.dev.Unpack(p.packed), p.Shape...)
	}
	p.packed = nil
}

// Rewrite calls f with the elements, which it may change, and leaves the parameter packed as it was. An outline has
// none, and f is not called.
func (p *Param) Rewrite(f func(data []float32)) {
	if p.Outlined() {
		return
	}
	packed, kind, keep := p.packed, p.asked(), p.v != nil
	p.unpack()
	f(p.v.Floats())
	if packed != nil {
		p.pack(kind, keep)
	}
}

// Params are the parameters of a model in the order of their declaration.
type Params struct {
	list    []*Param
	byName  map[string]*Param
	linears []*Linear
	heads   []*Head

	embeddings []*Embedding
}

// All yields every parameter.
func (ps *Params) All() iter.Seq[*Param] { return slices.Values(ps.list) }

// Get returns the parameter of that name, or nil.
func (ps *Params) Get(name string) *Param { return ps.byName[name] }

// Linears yields the linear layers, which adapters attach to.
func (ps *Params) Linears() iter.Seq[*Linear] { return slices.Values(ps.linears) }

// Train makes exactly the parameters that match trainable, packs the weights of the linears and
// heads that are not, and returns how many parameters match. One that was rounded is trained from what rounding left.
func (ps *Params) Train(match func(name string) bool) int {
	n := 0
	for _, p := range ps.list {
		on := match(p.Name)
		if on {
			p.unpack()
			n++
		}
		if p.v != nil {
			p.v.SetRequiresGrad(on)
			if !on {
				p.v.ZeroGrad()
			}
		}
	}
	var d dropped
	for _, l := range ps.linears {
		if w := l.Weight; w.packed == nil && !w.Trainable() {
			plain := w.plainBytes()
			w.pack(kernels.F32, false)
			d.add(plain)
		}
	}
	for _, h := range ps.heads {
		if w := h.Weight; w.packed == nil && !w.Trainable() {
			w.pack(kernels.F32, h.tied != nil)
		}
	}
	return n
}

// Freeze makes nothing trainable and packs every linear's weight: the state for inference.
func (ps *Params) Freeze() { ps.Train(func(string) bool { return false }) }

// Set replaces the elements of a parameter. A weight that was packed is so again.
func (p *Param) Set(data []float32, shape []int) error {
	if !slices.Equal(shape, p.Shape) || len(data) != p.Size() {
		return fmt.Errorf("%s has shape %v, want %v", p.Name, shape, p.Shape)
	}
	p.Rewrite(func(old []float32) { device.Host.Workers().Copy(old, data) })
	return nil
}
