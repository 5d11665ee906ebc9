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
	spans := make([]kernels.Span, len(offsets)-1)
	pos := make([]int32, x.Rows())
	longest := 0
	for b := range spans {
		lo, hi := int(offsets[b]), int(offsets[b+1])
		spans[b] = kernels.Span{Q0: lo, QN: hi - lo, K0: lo, KN: hi - lo}
		longest = max(longest, hi-lo)
		for i := lo; i < hi; i++ {
			pos[i] = int32(i - lo)
		}
	}
	table := d.rope.upTo(longest)
	for i, b := range d.blocks {
		run := func(t *autograd.Tape, x *autograd.Var) *autograd.Var {
			return b.forward(t, x, pos, table, func(q, k, v *autograd.Var) *autograd.Var {
				return t.Attention(q, k, v, b.attention(), spans)
			})
		}
		if d.Checkpointing {
			x = t.Checkpoint(x, nn.Vars(b.norm1, b.q, b.k, b.v, b.o, b.norm2, b.gate, b.up, b.down), run)
		} else {
			x = run(t, x)
		}
		if each != nil {
			each(i, x)
		}
	}
	return d.norm.Forward(t, x)
}

// forward runs the block; attend is the attention over this call's keys, or over a cache.
func (b *block) forward(t *autograd.Tape, x *autograd.Var, pos []int32, table *kernels.RopeTable, attend func(q, k, v *autograd.Var) *autograd.Var) *autograd.Var {
	qkv := nn.Linears(t, b.norm1.Lazy(x), b.q, b.k, b.v)
	q := t.Rope(qkv[0], pos, b.cfg.NumAttentionHeads, table)
	k := t.Rope(qkv[1], pos, b.cfg.NumKeyValueHeads, table)
	x = t.Residual(x, b.o.Forward(t, attend(q, k, qkv[2])), nil)
	mlp := nn.Linears(t, b.norm2.Lazy(x), b.gate, b.up)
	return t.Residual(x, nn.Linears(t, autograd.LazySwiGLU(mlp[0], mlp[1]), b.down)[0], nil)
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
