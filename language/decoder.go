package language

import (
	"math"
	"math/bits"
	"sync"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// Decoder maps token embeddings to hidden states and those to logits.
type Decoder struct {
	Config Config
	Embed  *nn.Embedding
	Head   *nn.Head
	// Checkpointing computes each block again in the backward pass in place of keeping what is inside it.
	Checkpointing bool

	blocks []*block
	norm   *nn.RMSNorm
	rope   ropeCache
}

// block is one pre-norm transformer block.
type block struct {
	cfg            *Config
	norm1, norm2   *nn.RMSNorm
	q, k, v, o     *nn.Linear
	gate, up, down *nn.Linear
}

// New declares a decoder under the names of published checkpoints: model.layers..., lm_head.
func New(s *nn.Scope, cfg Config) *Decoder {
	m := s.In("model")
	d := &Decoder{Config: cfg, Embed: m.Embedding("embed_tokens", cfg.VocabSize, cfg.HiddenSize)}
	d.rope.freq = cfg.invFreq()
	for i := range cfg.NumHiddenLayers {
		d.blocks = append(d.blocks, newBlock(m.In("layers", i), &d.Config))
	}
	d.norm = m.RMSNorm("norm", cfg.HiddenSize, cfg.RMSNormEps)
	if cfg.TieWordEmbeddings {
		d.Head = s.TiedHead(d.Embed)
	} else {
		d.Head = s.Head("lm_head", cfg.HiddenSize, cfg.VocabSize)
	}
	return d
}

func newBlock(s *nn.Scope, c *Config) *block {
	linear := func(s *nn.Scope, name string, in, out int, bias bool) *nn.Linear {
		if bias {
			return s.Linear(name, in, out)
		}
		return s.LinearNoBias(name, in, out)
	}
	attn, mlp := s.In("self_attn"), s.In("mlp")
	d, q, kv := c.HiddenSize, c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	return &block{
		cfg:   c,
		norm1: s.RMSNorm("input_layernorm", d, c.RMSNormEps),
		q:     linear(attn, "q_proj", d, q, c.qkvBias()),
		k:     linear(attn, "k_proj", d, kv, c.qkvBias()),
		v:     linear(attn, "v_proj", d, kv, c.qkvBias()),
		o:     attn.LinearToResidual("o_proj", q, d, c.outBias(), 2*c.NumHiddenLayers),
		norm2: s.RMSNorm("post_attention_layernorm", d, c.RMSNormEps),
		gate:  linear(mlp, "gate_proj", d, c.IntermediateSize, c.MLPBias),
		up:    linear(mlp, "up_proj", d, c.IntermediateSize, c.MLPBias),
		down:  mlp.LinearToResidual("down_proj", c.IntermediateSize, d, c.MLPBias, 2*c.NumHiddenLayers),
	}
}

// Forward maps embeddings x [N, D] of sequences laid end to end, sequence b in rows offsets[b] to
// offsets[b+1], to hidden states after the final norm, [N, D]. each, if not nil, is shown what leaves
// every block.
func (d *Decoder) Forward(t *autograd.Tape, x *autograd.Var, offsets []int32, each func(layer int, x *autograd.Var)) *autograd.Var {
	l := d.layout(offsets)
	for i, b := range d.blocks {
		x = d.block(t, b, x, func(t *autograd.Tape, x *autograd.Var) *autograd.Var { return b.rows(t, x, l) })
		if each != nil {
			each(i, x)
		}
	}
	return d.norm.Forward(t, x)
}

// ForwardAt is Forward for the rows at alone, in ascending order: [len(at), D]. The last block asks and answers for no others.
func (d *Decoder) ForwardAt(t *autograd.Tape, x *autograd.Var, offsets, at []int32) *autograd.Var {
	l := d.layout(offsets)
	last := len(d.blocks) - 1
	for _, b := range d.blocks[:last] {
		x = d.block(t, b, x, func(t *autograd.Tape, x *autograd.Var) *autograd.Var { return b.rows(t, x, l) })
	}
	some := l.at(at)
	b := d.blocks[last]
	x = d.block(t, b, x, func(t *autograd.Tape, x *autograd.Var) *autograd.Var { return b.rowsAt(t, x, l, some) })
	return d.norm.Forward(t, x)
}

// block runs f, which is b's forward pass, in the way that Checkpointing says.
func (d *Decoder) block(t *autograd.Tape, b *block, x *autograd.Var, f func(t *autograd.Tape, x *autograd.Var) *autograd.Var) *autograd.Var {
	if !d.Checkpointing {
		return f(t, x)
	}
	return t.Checkpoint(x, nn.Vars(b.norm1, b.q, b.k, b.v, b.o, b.norm2, b.gate, b.up, b.down), f)
}

// rows is forward for all rows of whole sequences.
func (b *block) rows(t *autograd.Tape, x *autograd.Var, l layout) *autograd.Var {
	return b.forward(t, x, l.pos, l.table, func(q, k, v *autograd.Var) *autograd.Var {
		return t.Attention(q, k, v, b.attention(), l.spans)
	})
}

// rowsAt is rows for some of the rows.
func (b *block) rowsAt(t *autograd.Tape, x *autograd.Var, l layout, some selection) *autograd.Var {
	kv := nn.Linears(t, b.norm1.Lazy(x), b.k, b.v)
	k := t.Rope(kv[0], l.pos, b.cfg.NumKeyValueHeads, l.table)
	q := nn.Linears(t, b.norm1.Lazy(t.SelectRows(x, some.queries)), b.q)[0]
	a := t.Attention(t.Rope(q, some.pos, b.cfg.NumAttentionHeads, l.table), k, kv[1], b.attention(), some.spans)
	return b.mlp(t, t.Residual(t.SelectRows(x, some.rows), b.o.Forward(t, t.SelectRows(a, some.among)), nil))
}

// forward runs the block; attend is the attention over this call's keys, or over a cache.
func (b *block) forward(t *autograd.Tape, x *autograd.Var, pos []int32, table *kernels.RopeTable, attend func(q, k, v *autograd.Var) *autograd.Var) *autograd.Var {
	qkv := nn.Linears(t, b.norm1.Lazy(x), b.q, b.k, b.v)
	q := t.Rope(qkv[0], pos, b.cfg.NumAttentionHeads, table)
	k := t.Rope(qkv[1], pos, b.cfg.NumKeyValueHeads, table)
	return b.mlp(t, t.Residual(x, b.o.Forward(t, attend(q, k, qkv[2])), nil))
}

func (b *block) mlp(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	h := nn.Linears(t, b.norm2.Lazy(x), b.gate, b.up)
	return t.Residual(x, b.down.Last(t, autograd.LazySwiGLU(h[0], h[1])), nil)
}

func (b *block) attention() kernels.Attention {
	c := b.cfg
	return kernels.Attention{H: c.NumAttentionHeads, KV: c.NumKeyValueHeads, D: c.HeadDim,
		Scale: float32(1 / math.Sqrt(float64(c.HeadDim))), Causal: true, Window: c.SlidingWindow}
}

// ropeCache grows the table of rotary angles as longer sequences come.
type ropeCache struct {
	freq  []float32
	mu    sync.Mutex
	table *kernels.RopeTable
	n     int
}

func (r *ropeCache) upTo(n int) *kernels.RopeTable {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.n {
		r.n = max(256, 1<<bits.Len(uint(n-1)))
		r.table = kernels.NewRope(r.freq, r.n)
	}
	return r.table
}
