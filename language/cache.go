package language

import (
	"fmt"
	"slices"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// Cache holds the keys and values of several sequences, one to a slot, and the working memory of Extend.
type Cache struct {
	layers, heads, dim int
	slots              []slot
	free               [][]float32 // memory of closed slots
	work               workspace
}

// slot is one sequence: by layer, what its positions have been computed to.
type slot struct {
	n, capacity int
	next        int // the position that follows those of its rows
	mem         []float32
	kv          []kernels.KV
}

// NewCache makes room for slots sequences of up to capacity positions.
func (d *Decoder) NewCache(slots, capacity int) *Cache {
	c := &Cache{layers: len(d.blocks), heads: d.Config.NumKeyValueHeads, dim: d.Config.HeadDim}
	for range slots {
		c.Open(capacity)
	}
	return c
}

// Open makes an empty slot of up to capacity positions and returns its number.
func (c *Cache) Open(capacity int) int {
	each := kernels.KVSize(c.heads, c.dim, capacity)
	s := slot{capacity: capacity, mem: c.memory(c.layers * each)}
	for l := range c.layers {
		s.kv = append(s.kv, kernels.NewKV(s.mem[l*each:(l+1)*each], c.heads, c.dim, capacity))
	}
	for i := range c.slots {
		if c.slots[i].kv == nil {
			c.slots[i] = s
			return i
		}
	}
	c.slots = append(c.slots, s)
	return len(c.slots) - 1
}

// memory takes n floats from closed slots, or new ones. Slots of one run have about the same size.
func (c *Cache) memory(n int) []float32 {
	for i, m := range c.free {
		if cap(m) >= n && cap(m) <= 2*n+1024 {
			last := len(c.free) - 1
			c.free[i] = c.free[last]
			c.free[last] = nil
			c.free = c.free[:last]
			return m[:n]
		}
	}
	if last := len(c.free) - 1; last >= 0 { // none fits: what is kept must not grow
		c.free[last] = nil
		c.free = c.free[:last]
	}
	return make([]float32, n)
}

// Close gives a slot's memory back to the cache; its number may be used again.
func (c *Cache) Close(s int) {
	c.free = append(c.free, c.slots[s].mem)
	c.slots[s] = slot{}
}

// Reset closes every slot.
func (c *Cache) Reset() {
	for i := range c.slots {
		if c.slots[i].kv != nil {
			c.Close(i)
		}
	}
	c.slots = c.slots[:0]
}

// Bytes is the memory of a slot of so many positions.
func (c *Cache) Bytes(capacity int) int {
	return 4 * c.layers * kernels.KVSize(c.heads, c.dim, capacity)
}

// Len is the number of positions in a slot.
func (c *Cache) Len(slot int) int { return c.slots[slot].n }

// Fork copies what slot src holds into slot dst, whose capacity must do: sequences that begin alike compute
// it once.
func (c *Cache) Fork(src, dst int) {
	if src == dst {
		return
	}
	from, to := &c.slots[src], &c.slots[dst]
	kernels.Each(c.layers, func(l int) { to.kv[l].CopyFrom(&from.kv[l], from.n) })
	to.n, to.next = from.n, from.next
}

// Chunk is a piece of a sequence to be appended to a slot.
type Chunk struct {
	Slot      int
	X         *autograd.Var // embeddings [n, D]
	Positions []int32       // [n], which angles turn each row; nil: they count on from the highest of the slot
}

// Extend appends chunks to their slots, each slot at most once, and returns the hidden state after
// the final norm at each chunk's last position, [len(chunks), D]. A chunk's result does not depend on
// the others, to the bit.
func (d *Decoder) Extend(c *Cache, chunks []Chunk) (*autograd.Var, error) {
	p := pass{d: d, c: c}
	var next []int // position of each slot's next row
	for _, ch := range chunks {
		s, n := &c.slots[ch.Slot], ch.X.Rows()
		if s.n+n > s.capacity {
			return nil, fmt.Errorf("language: %d positions do not fit into a cache of %d that holds %d", n, s.capacity, s.n)
		}
		p.add(ch.Slot, s.n, n)
		switch len(ch.Positions) {
		case 0:
			p.pos = count(p.pos, s.next, n)
		case n:
			p.pos = append(p.pos, ch.Positions...)
		default:
			return nil, fmt.Errorf("language: %d positions of %d rows", len(ch.Positions), n)
		}
		next = append(next, max(s.next, after(p.pos[p.rows-n:])))
	}
	if err := d.Config.Fits(p.longest); err != nil {
		return nil, fmt.Errorf("language: %w", err)
	}
	p.table = d.rope.upTo(slices.Max(next))
	w := &c.work
	w.fit(&d.Config, p.rows)
	at := 0
	for _, ch := range chunks {
		at += copy(w.x[at:], ch.X.Floats())
	}
	p.run()
	for i, ch := range chunks {
		c.slots[ch.Slot].n, c.slots[ch.Slot].next = p.spans[i].Len, next[i]
	}
	out := make([]float32, len(chunks)*d.Config.HiddenSize)
	d.norm.Normalise(len(chunks), w.x[:len(out)], out, w.rstd)
	return autograd.New(out, len(chunks), d.Config.HiddenSize), nil
}
