package nn

import (
	"fmt"
	"runtime/debug"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// Storage says how the weight of that name, a linear's, a head's or an embedding's, is kept. kernels.F32 leaves it as it is;
// NF4, NF4Single and BF16 round it when it is made, and it stays frozen: Train of such a weight would train what is left of it.
type Storage func(name string) kernels.Kind

// collectEvery is how many bytes of plain weights may lie about before they are collected, so that what a model takes while it
// is read or packed is what it takes in the end, the largest tensor and a little. Weights hold no pointers: collecting takes no time.
const collectEvery = 16 << 20

// dropped counts bytes of plain weights since the last collection.
type dropped int

func (d *dropped) add(bytes int) {
	if *d += dropped(bytes); *d >= collectEvery {
		*d = 0
		debug.FreeOSMemory() // holes that the next weights do not fit into are given back
	}
}

// round brings a weight into the form in which it is kept. What cannot be is a problem of the build. One that shall be kept as it is
// and has no more bits than half precision is packed at once, which Train undoes for those it trains.
func (b *builder) round(p *Param) {
	p.product = true
	if p.v == nil || p.packed != nil || len(p.Shape) < 2 || p.Size() == 0 {
		return
	}
	kind := kernels.F32
	if b.storage != nil {
		kind = b.storage(p.Name)
	}
	if kind == kernels.F32 && p.lossless() == kernels.F32 {
		return
	}
	if in := p.Size() / p.Shape[0]; (kind == kernels.NF4 || kind == kernels.NF4Single) && in%64 != 0 {
		b.errs = append(b.errs, fmt.Errorf("%s has rows of %d elements, which are not whole NF4 blocks of 64: keep this part in bfloat16 or float32", p.Name, in))
		return
	}
	plain := p.plainBytes()
	p.pack(kind, false)
	b.dropped.add(plain)
}

// Rounded reports whether the parameter is kept in fewer bits than it came with.
func (p *Param) Rounded() bool {
	return p.packed != nil && p.round
}

// Bytes is the memory that the elements take, packed and plain.
func (p *Param) Bytes() int {
	n := 0
	if p.v != nil {
		n += 4 * p.v.Size()
	}
	if p.packed != nil {
		n += p.packed.Bytes()
	}
	return n
}

// rows looks ids up in a packed table.
func (p *Param) rows(ids []int32) *autograd.Var {
	for i, id := range ids {
		if id < 0 || int(id) >= p.packed.N {
			panic(&autograd.Error{Op: "Embedding", Err: fmt.Errorf("id %d at position %d, the table has %d rows", id, i, p.packed.N)})
		}
	}
	out := autograd.NewOn(p.dev, len(ids), p.packed.K)
	p.dev.GatherPacked(out.Buffer(), p.packed, ids)
	return out
}

// Dequantize makes of weights that are kept in fewer bits plain float32 weights of the same values.
func (ps *Params) Dequantize() {
	for _, p := range ps.list {
		if p.Rounded() {
			p.unpack()
			p.round = false
		}
	}
}
