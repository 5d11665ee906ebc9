package language

import (
	"moslava/internal/autograd"
	"moslava/internal/nn"
)

// attends are the layers that give queries, keys and values.
func (b *block) attends() []any {
	switch {
	case b.wqkv != nil:
		return []any{b.wqkv}
	case b.normQ != nil:
		return []any{b.q, b.k, b.v, b.normQ, b.normK}
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
