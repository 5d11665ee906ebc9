package nn

import (
	"moslava/internal/device"
	"moslava/internal/kernels"
)

// Describe makes an outline that of a model whose weights are stored so; file says how few bits hold all elements of a parameter's
// file. Train then packs what BuildStored and Train would.
func (ps *Params) Describe(storage Storage, file func(name string) kernels.Kind) {
	b := &builder{storage: storage}
	for _, p := range ps.list {
		p.unpack()
		p.round, p.file = false, file(p.Name)
		if p.product {
			b.round(p)
		}
	}
}

// Device is where the elements are.
func (p *Param) Device() device.Device { return p.dev }

// PackedBytes is the memory of the packed form alone.
func (p *Param) PackedBytes() int {
	if p.packed == nil {
		return 0
	}
	return p.packed.Bytes()
}
