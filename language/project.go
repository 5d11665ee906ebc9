package language

import (
	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// attends are the linears that give queries, keys and values.
func (b *block) attends() []any {
	if b.wqkv != nil {
		return []any{b.wqkv}
	}
	return []any{b.q, b.k, b.v}
}

// project gives queries, keys and values of all rows of x, before rotation.
func (b *block) project(t *autograd.Tape, x *autograd.Var) (q, k, v *autograd.Var) {
	if b.wqkv == nil {
		qkv := nn.Linears(t, b.norm1.Lazy(x), b.q, b.k, b.v)
		return qkv[0], qkv[1], qkv[2]
	}
	all := nn.Linears(t, b.norm1.Lazy(x), b.wqkv)[0]
	groups, queries, one := b.cfg.kind.fused(b.cfg)
	return t.Columns(all, groups, 0, queries), t.Columns(all, groups, queries, queries+one), t.Columns(all, groups, queries+one, queries+2*one)
}

// split copies queries, keys and values out of rows of a fused matrix's output: in each of the row's groups, so many elements of
// queries, then keys, then as many of values.
func (c *Config) split(rows int, all, q, k, v []float32) {
	groups, queries, one := c.kind.fused(c)
	width := queries + 2*one
	kernels.Each(rows, func(r int) {
		for g := r * groups; g < (r+1)*groups; g++ {
			from := all[g*width:][:width]
			copy(q[g*queries:], from[:queries])
			copy(k[g*one:], from[queries:queries+one])
			copy(v[g*one:], from[queries+one:])
		}
	})
}
