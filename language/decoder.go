package language

import (
	"math"

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
	layer          int
	window         int // how many keys a query sees; 0 is all
	norm1, norm2   *nn.RMSNorm
	q, k, v        *nn.Linear  // nil if there is wqkv
	normQ, normK   *nn.RMSNorm // of each head; nil: none
	turned         bool        // positions turn queries and keys
	wqkv           *nn.Linear  // InternLM2's, see split; or nil
	o              *nn.Linear
	gate, up, down *nn.Linear
}

// New declares a decoder under the names of published checkpoints, see Names.
func New(s *nn.Scope, cfg Config) *Decoder {
	m, names := s.In("model"), cfg.Names()
	d := &Decoder{Config: cfg, Embed: m.Embedding(names.Embed, cfg.VocabSize, cfg.HiddenSize)}
	d.rope.freq, d.rope.scale = cfg.invFreq(), float32(cfg.Rope.cos)
	for i := range cfg.NumHiddenLayers {
		b := newBlock(m.In("layers", i), &d.Config, names)
		b.layer, b.window, b.turned = i, cfg.windowOf(i), cfg.turned(i)
		d.blocks = append(d.blocks, b)
	}
	d.norm = m.RMSNorm("norm", cfg.HiddenSize, cfg.RMSNormEps)
	if cfg.TieWordEmbeddings {
		d.Head = s.TiedHead(names.Head, d.Embed)
	} else {
		d.Head = s.Head(names.Head, cfg.HiddenSize, cfg.VocabSize)
	}
	return d
}

func newBlock(s *nn.Scope, c *Config, names Names) *block {
	linear := func(s *nn.Scope, name string, in, out int, bias bool) *nn.Linear {
		if bias {
			return s.Linear(name, in, out)
		}
		return s.LinearNoBias(name, in, out)
	}
	d, q, kv, residuals := c.HiddenSize, c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim, 2*c.NumHiddenLayers
	has := c.biases()
	b := &block{cfg: c, norm1: s.RMSNorm(names.Norm1, d, c.RMSNormEps)}
	if c.Fused() {
		b.wqkv = linear(s, names.QKV, d, q+2*kv, has.qkv)
	} else {
		b.q = linear(s, names.Q, d, q, has.qkv)
		b.k = linear(s, names.K, d, kv, has.qkv)
		b.v = linear(s, names.V, d, kv, has.qkv)
	}
	if names.QNorm != "" {
		b.normQ = s.RMSNorm(names.QNorm, c.HeadDim, c.RMSNormEps)
		b.normK = s.RMSNorm(names.KNorm, c.HeadDim, c.RMSNormEps)
	}
	b.o = s.LinearToResidual(names.O, q, d, has.out, residuals)
	b.norm2 = s.RMSNorm(names.Norm2, d, c.RMSNormEps)
	b.gate = linear(s, names.Gate, d, c.IntermediateSize, has.mlp)
	b.up = linear(s, names.Up, d, c.IntermediateSize, has.mlp)
	b.down = s.LinearToResidual(names.Down, c.IntermediateSize, d, has.mlp, residuals)
	return b
}

// Forward maps embeddings x [N, D] of sequences laid end to end to hidden states after the final norm, [N, D]. each, if not
// nil, is shown what leaves every block.
func (d *Decoder) Forward(t *autograd.Tape, x *autograd.Var, rows Rows, each func(layer int, x *autograd.Var)) *autograd.Var {
	p, _ := d.sequences(rows)
	return d.run(t, x, p, each)
}

// ForwardAt is Forward for the rows at alone, in ascending order: [len(at), D]. The last block asks and answers for no others.
func (d *Decoder) ForwardAt(t *autograd.Tape, x *autograd.Var, rows Rows, at []int32) *autograd.Var {
	p, spans := d.sequences(rows)
	p.some = spans.choose(at, p.pos)
	return d.run(t, x, p, nil)
}

// run is the forward pass, whatever the keys are and whoever computes.
func (d *Decoder) run(t *autograd.Tape, x *autograd.Var, p *pass, each func(layer int, x *autograd.Var)) *autograd.Var {
	last := len(d.blocks) - 1
	for i, b := range d.blocks {
		forward := b.forward
		if i == last && p.some != nil {
			forward = b.forwardAt
		}
		y := d.block(t, b, x, func(t *autograd.Tape, x *autograd.Var) *autograd.Var { return forward(t, x, p) })
		if each != nil {
			each(i, y)
		} else if i > 0 {
			t.Done(x)
		}
		x = y
	}
	return d.norm.Forward(t, x)
}

// block runs f, which is b's forward pass, in the way that Checkpointing says.
func (d *Decoder) block(t *autograd.Tape, b *block, x *autograd.Var, f func(t *autograd.Tape, x *autograd.Var) *autograd.Var) *autograd.Var {
	if !d.Checkpointing {
		return t.Scope(func() *autograd.Var { return f(t, x) })
	}
	return t.Checkpoint(x, nn.Vars(append(b.attends(), b.norm1, b.o, b.norm2, b.gate, b.up, b.down)...), f)
}

// forward maps what enters the block to what leaves it, row for row.
func (b *block) forward(t *autograd.Tape, x *autograd.Var, p *pass) *autograd.Var {
	q, k, v := b.project(t, x)
	q, k = b.queries(t, q, p.pos, p), b.keys(t, k, p)
	a := p.keys.attend(t, b, q, k, v, nil)
	return b.mlp(t, t.Residual(x, b.o.Forward(t, a), nil))
}

// forwardAt is forward for the rows p.some alone, over the keys of all.
func (b *block) forwardAt(t *autograd.Tape, x *autograd.Var, p *pass) *autograd.Var {
	some := p.some
	var q, k, v *autograd.Var
	if b.wqkv != nil {
		all, k1, v1 := b.project(t, x)
		q, k, v = t.SelectRows(all, some.queries), k1, v1
	} else {
		kv := nn.Linears(t, b.norm1.Lazy(x), b.k, b.v)
		k, v = kv[0], kv[1]
	}
	k = b.keys(t, k, p)
	if q == nil {
		q = nn.Linears(t, b.norm1.Lazy(t.SelectRows(x, some.queries)), b.q)[0]
	}
	a := p.keys.attend(t, b, b.queries(t, q, some.pos, p), k, v, some)
	return b.mlp(t, t.Residual(t.SelectRows(x, some.rows), b.o.Forward(t, t.SelectRows(a, some.among)), nil))
}

// queries are rows of q as they ask, at positions pos.
func (b *block) queries(t *autograd.Tape, q *autograd.Var, pos []int32, p *pass) *autograd.Var {
	if b.normQ != nil {
		q = b.normQ.Forward(t, q)
	}
	if b.turned {
		q = t.Rope(q, pos, b.cfg.NumAttentionHeads, p.table)
	}
	return q
}

// keys are rows of k as they are asked, of all positions of a pass.
func (b *block) keys(t *autograd.Tape, k *autograd.Var, p *pass) *autograd.Var {
	if b.normK != nil {
		k = b.normK.Forward(t, k)
	}
	if b.turned {
		k = t.Rope(k, p.pos, b.cfg.NumKeyValueHeads, p.table)
	}
	return k
}

func (b *block) mlp(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	h := nn.Linears(t, b.norm2.Lazy(x), b.gate, b.up)
	return t.Residual(x, b.down.Last(t, autograd.LazySwiGLU(h[0], h[1])), nil)
}

func (b *block) attention() kernels.Attention {
	c := b.cfg
	return kernels.Attention{H: c.NumAttentionHeads, KV: c.NumKeyValueHeads, D: c.HeadDim,
		Scale: float32(1 / math.Sqrt(float64(c.HeadDim))), Causal: true, Window: b.window}
}
