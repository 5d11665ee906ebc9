package language

import (
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// workspace is memory that passes over a cache use again and again: a token must not allocate.
type workspace struct {
	x, h, o          []float32 // [rows, D]
	q, a             []float32 // [rows, heads*dim]
	k, v             []float32 // [rows, key-value heads*dim]
	qkv              []float32 // of all three, if they come from one matrix
	gate, up, logits []float32
	rstd             []float32
}

// grow makes s n long; what it held is lost.
func grow(s *[]float32, n int) {
	if cap(*s) < n {
		*s = make([]float32, n, n+n/8)
	}
	*s = (*s)[:n]
}

func (w *workspace) fit(c *Config, rows int) {
	for _, s := range []*[]float32{&w.x, &w.h, &w.o} {
		grow(s, rows*c.HiddenSize)
	}
	grow(&w.q, rows*c.NumAttentionHeads*c.HeadDim)
	grow(&w.a, rows*c.NumAttentionHeads*c.HeadDim)
	grow(&w.k, rows*c.NumKeyValueHeads*c.HeadDim)
	grow(&w.v, rows*c.NumKeyValueHeads*c.HeadDim)
	if c.Fused() {
		grow(&w.qkv, rows*(c.NumAttentionHeads+2*c.NumKeyValueHeads)*c.HeadDim)
	}
	grow(&w.gate, rows*c.IntermediateSize)
	grow(&w.up, rows*c.IntermediateSize)
	grow(&w.rstd, rows)
}

// logits is room for rows of n.
func (c *Cache) logits(rows, n int) []float32 {
	grow(&c.work.logits, rows*n)
	return c.work.logits
}

// pass appends rows to slots of a cache. It computes what block.forward does, without a tape and in memory
// of the cache.
type pass struct {
	d       *Decoder
	c       *Cache
	table   *kernels.RopeTable
	rows    int
	longest int
	slots   []int
	spans   []kernels.KVSpan // KV is set layer by layer
	pos     []int32
}

// add appends n rows to a slot that has have positions.
func (p *pass) add(slot, have, n int) {
	p.slots = append(p.slots, slot)
	p.spans = append(p.spans, kernels.KVSpan{Q0: p.rows, QN: n, Len: have + n})
	p.rows += n
	p.longest = max(p.longest, have+n)
}

// run leaves the last rows of the chunks, after the last block, at the start of the workspace's x.
func (p *pass) run() {
	last := len(p.d.blocks) - 1
	for l, b := range p.d.blocks {
		p.block(l, b, l == last)
	}
	if last < 0 {
		p.keepLast(p.c.work.x, p.d.Config.HiddenSize)
	}
}

// block runs one block. In the last one only the chunks' last rows go on once keys and values are there:
// nothing reads the others.
func (p *pass) block(l int, b *block, last bool) {
	w, cfg := &p.c.work, &p.d.Config
	n, d := p.rows, cfg.HiddenSize
	b.norm1.Normalise(n, w.x, w.h, w.rstd)
	few := last && n > len(p.slots)
	p.project(b, few)
	spans, pos := p.spans, p.pos
	kernels.Rope(w.k, pos, cfg.NumKeyValueHeads, p.table, 1)
	p.put(l)
	if few {
		spans, pos = p.keepLast(w.x, d)
		n = len(spans)
		if b.wqkv != nil {
			p.keepLast(w.q, cfg.NumAttentionHeads*cfg.HeadDim)
		} else {
			p.keepLast(w.h, d)
			nn.Project(n, w.h[:n*d], nn.Output{Linear: b.q, Y: p.cut(w.q, n)})
		}
	}
	q, a := p.cut(w.q, n), p.cut(w.a, n)
	kernels.Rope(q, pos, cfg.NumAttentionHeads, p.table, 1)
	for i, s := range p.slots {
		spans[i].KV = &p.c.slots[s].kv[l]
	}
	attention := b.attention()
	attention.ForwardKV(a, q, spans)
	x, h, o, gate, up := p.cut(w.x, n), p.cut(w.h, n), p.cut(w.o, n), p.cut(w.gate, n), p.cut(w.up, n)
	nn.Project(n, a, nn.Output{Linear: b.o, Y: o})
	kernels.Add(x, o)
	b.norm2.Normalise(n, x, h, w.rstd)
	nn.Project(n, h, nn.Output{Linear: b.gate, Y: gate}, nn.Output{Linear: b.up, Y: up})
	kernels.SwiGLU(gate, gate, up)
	nn.Project(n, gate, nn.Output{Linear: b.down, Y: o})
	kernels.Add(x, o)
}

// project makes keys and values of all rows, and queries, which may be left out if only few rows ask.
func (p *pass) project(b *block, few bool) {
	w, n := &p.c.work, p.rows
	if b.wqkv != nil {
		nn.Project(n, w.h, nn.Output{Linear: b.wqkv, Y: w.qkv})
		p.d.Config.split(n, w.qkv, w.q, w.k, w.v)
		return
	}
	k, v := nn.Output{Linear: b.k, Y: w.k}, nn.Output{Linear: b.v, Y: w.v}
	if few {
		nn.Project(n, w.h, k, v)
	} else {
		nn.Project(n, w.h, nn.Output{Linear: b.q, Y: w.q}, k, v)
	}
}

// cut is the part of an array of p.rows rows that n rows take.
func (p *pass) cut(s []float32, n int) []float32 { return s[:len(s)/p.rows*n] }

// put stores the new keys and values of a layer.
func (p *pass) put(l int) {
	w, width := &p.c.work, p.c.heads*p.c.dim
	kernels.Each(len(p.slots), func(i int) {
		s := p.spans[i]
		p.c.slots[p.slots[i]].kv[l].Put(s.Len-s.QN, w.k[s.Q0*width:], w.v[s.Q0*width:], s.QN)
	})
}

// keepLast moves the last row of each chunk to the start of x, whose rows are d wide, and returns the spans
// and positions of what is left.
func (p *pass) keepLast(x []float32, d int) (spans []kernels.KVSpan, pos []int32) {
	for i, s := range p.spans {
		r := s.Q0 + s.QN - 1
		copy(x[i*d:(i+1)*d], x[r*d:])
		spans = append(spans, kernels.KVSpan{Q0: i, QN: 1, Len: s.Len})
		pos = append(pos, p.pos[r])
	}
	return spans, pos
}
