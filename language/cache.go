package language

import (
	"fmt"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
)

// Cache holds the keys and values of several sequences, one to a slot.
type Cache struct {
	dev                device.Device
	layers, heads, dim int
	slots              []slot
	free               []device.Buffer // memory of closed slots
	tape               autograd.Tape   // of Extend
}

// slot is one sequence: by layer, what its positions have been computed to.
type slot struct {
	n, capacity int
	next        int // the position that follows those of its rows
	mem         device.Buffer
	kv          []kernels.KV
}

// NewCache makes room for slots sequences of up to capacity positions.
func (d *Decoder) NewCache(slots, capacity int) *Cache {
	c := &Cache{dev: d.Embed.Weight.Device(), tape: autograd.Tape{Values: true}, layers: len(d.blocks), heads: d.Config.NumKeyValueHeads, dim: d.Config.HeadDim}
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
		s.kv = append(s.kv, c.dev.NewKV(s.mem.Part(l*each, each), c.heads, c.dim, capacity))
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
func (c *Cache) memory(n int) device.Buffer {
	for i, m := range c.free {
		if m.Len() >= n && m.Len() <= 2*n+1024 {
			c.free[i] = c.free[len(c.free)-1]
			c.dropFree()
			return m
		}
	}
	if len(c.free) > 0 { // none fits: what is kept must not grow
		c.dropFree()
	}
	return c.dev.New(n)
}

// dropFree lets go of the last of the free memories.
func (c *Cache) dropFree() {
	last := len(c.free) - 1
	c.free[last] = device.Buffer{}
	c.free = c.free[:last]
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
func (c *Cache) Fork(src, dst int) { c.ForkPart(src, dst, c.slots[src].n) }

// ForkPart is Fork for the first n rows. Where their positions do not count on one by one, the next chunk has to bring its own.
func (c *Cache) ForkPart(src, dst, n int) {
	if src == dst {
		return
	}
	from, to := &c.slots[src], &c.slots[dst]
	c.dev.CopyKV(to.kv, from.kv, n)
	to.n, to.next = n, from.next
	if n < from.n {
		to.next = n
	}
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
func (d *Decoder) Extend(c *Cache, chunks []Chunk) (hidden *autograd.Var, err error) {
	defer autograd.Catch(&err)
	p, keys := new(pass), &cachedKeys{c: c}
	p.keys = keys
	var xs []*autograd.Var
	last, rows, longest := new(selection), 0, 0
	var next []int // position of each slot's next row
	for i, ch := range chunks {
		s, n := &c.slots[ch.Slot], ch.X.Rows()
		end := s.n + n
		if end > s.capacity {
			return nil, fmt.Errorf("language: %d positions do not fit into a cache of %d that holds %d", n, s.capacity, s.n)
		}
		keys.slots = append(keys.slots, ch.Slot)
		keys.spans = append(keys.spans, kernels.KVSpan{Q0: rows, QN: n, Len: end})
		keys.last = append(keys.last, kernels.KVSpan{Q0: i, QN: 1, Len: end})
		switch len(ch.Positions) {
		case 0:
			p.pos = count(p.pos, s.next, n)
		case n:
			p.pos = append(p.pos, ch.Positions...)
		default:
			return nil, fmt.Errorf("language: %d positions of %d rows", len(ch.Positions), n)
		}
		next = append(next, max(s.next, after(p.pos[rows:])))
		xs = append(xs, ch.X)
		rows, longest = rows+n, max(longest, end)
		last.rows, last.pos, last.among = append(last.rows, int32(rows-1)), append(last.pos, p.pos[rows-1]), append(last.among, int32(i))
	}
	if err := d.Config.Fits(longest); err != nil {
		return nil, fmt.Errorf("language: %w", err)
	}
	p.table = d.rope.upTo(after(p.pos))
	if last.queries = last.rows; rows > len(chunks) {
		p.some = last // nothing reads what the last block makes of the others
	}
	x := d.run(&c.tape, c.tape.ConcatRows(xs...), p, nil)
	if len(d.blocks) == 0 {
		x = c.tape.SelectRows(x, last.rows)
	}
	for i, ch := range chunks {
		s := &c.slots[ch.Slot]
		s.n, s.next = keys.spans[i].Len, next[i]
	}
	hidden = autograd.Of(x.Device(), x.Device().New(x.Size()), x.Shape()...)
	x.Device().Copy(hidden.Buffer(), x.Buffer())
	c.tape.Release()
	return hidden, nil
}

// cachedKeys are those of slots of a cache, to which each block adds the pass's own.
type cachedKeys struct {
	c           *Cache
	slots       []int            // of each chunk
	spans, last []kernels.KVSpan // of all rows, and of each chunk's last. KV is set layer by layer
}

func (k *cachedKeys) attend(t *autograd.Tape, b *block, q, key, v *autograd.Var, some *selection) *autograd.Var {
	for i, s := range k.slots {
		kv := &k.c.slots[s].kv[b.layer]
		k.spans[i].KV, k.last[i].KV = kv, kv
	}
	key.Device().PutKV(k.spans, key.Buffer(), v.Buffer())
	if some != nil {
		return t.AttentionKV(q, b.attention(), k.last)
	}
	return t.AttentionKV(q, b.attention(), k.spans)
}
