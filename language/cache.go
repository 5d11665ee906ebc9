package language

import (
	"fmt"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// Cache holds the keys and values of several sequences, one to a slot.
type Cache struct {
	capacity int // positions of a slot
	width    int // floats of a position
	lens     []int
	k, v     [][]float32 // by layer: [slots*capacity, width]
}

// NewCache makes room for slots sequences of up to capacity positions.
func (d *Decoder) NewCache(slots, capacity int) *Cache {
	c := &Cache{capacity: capacity, width: d.Config.NumKeyValueHeads * d.Config.HeadDim, lens: make([]int, slots)}
	for range d.blocks {
		c.k = append(c.k, make([]float32, slots*capacity*c.width))
		c.v = append(c.v, make([]float32, slots*capacity*c.width))
	}
	return c
}

// Len is the number of positions in a slot.
func (c *Cache) Len(slot int) int { return c.lens[slot] }

// Fork copies what slot src holds into slot dst: sequences that begin alike compute it once.
func (c *Cache) Fork(src, dst int) {
	if src == dst {
		return
	}
	n, a, b := c.lens[src]*c.width, src*c.capacity*c.width, dst*c.capacity*c.width
	for l := range c.k {
		copy(c.k[l][b:b+n], c.k[l][a:a+n])
		copy(c.v[l][b:b+n], c.v[l][a:a+n])
	}
	c.lens[dst] = c.lens[src]
}

// Chunk is a piece of a sequence to be appended to a slot.
type Chunk struct {
	Slot int
	X    *autograd.Var // embeddings [n, D]
}

// Extend appends chunks to their slots, each slot at most once, and returns the hidden state after
// the final norm at each chunk's last position, [len(chunks), D].
func (d *Decoder) Extend(c *Cache, chunks []Chunk) (*autograd.Var, error) {
	width := d.Config.HiddenSize
	var rows int
	for _, ch := range chunks {
		n := ch.X.Rows()
		if c.lens[ch.Slot]+n > c.capacity {
			return nil, fmt.Errorf("language: %d positions do not fit into a cache of %d that holds %d", n, c.capacity, c.lens[ch.Slot])
		}
		rows += n
	}
	data := make([]float32, 0, rows*width)
	pos := make([]int32, 0, rows)
	last := make([]int32, 0, len(chunks))
	spans := make([]kernels.Span, len(chunks))
	longest := 0
	for i, ch := range chunks {
		n, have := ch.X.Rows(), c.lens[ch.Slot]
		spans[i] = kernels.Span{Q0: len(pos), QN: n, K0: ch.Slot * c.capacity, KN: have + n}
		data = append(data, ch.X.Floats()...)
		for p := range n {
			pos = append(pos, int32(have+p))
		}
		last = append(last, int32(len(pos)-1))
		longest = max(longest, have+n)
	}
	x := autograd.New(data, rows, width)
	table := d.rope.upTo(longest)
	for l, b := range d.blocks {
		x = b.forward(nil, x, pos, table, func(q, k, v *autograd.Var) *autograd.Var {
			return c.attend(l, b.attention(), q, k, v, spans)
		})
	}
	for i, ch := range chunks {
		c.lens[ch.Slot] = spans[i].KN
	}
	var t *autograd.Tape
	return d.norm.Forward(nil, t.SelectRows(x, last)), nil
}

// attend stores the new keys and values and attends over all of them.
func (c *Cache) attend(layer int, cfg kernels.Attention, q, k, v *autograd.Var, spans []kernels.Span) *autograd.Var {
	for _, s := range spans {
		at := (s.K0 + s.KN - s.QN) * c.width
		copy(c.k[layer][at:], k.Floats()[s.Q0*c.width:(s.Q0+s.QN)*c.width])
		copy(c.v[layer][at:], v.Floats()[s.Q0*c.width:(s.Q0+s.QN)*c.width])
	}
	out := make([]float32, q.Size())
	lse := make([]float32, q.Rows()*cfg.H)
	cfg.Forward(out, lse, q.Floats(), c.k[layer], c.v[layer], spans)
	return autograd.New(out, q.Shape()...)
}
