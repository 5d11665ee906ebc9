package vision

import (
	"fmt"
	"math"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// Tower maps pixels to hidden states.
type Tower struct {
	Config Config
	// Checkpointing computes each block again in the backward pass in place of keeping what is inside it.
	Checkpointing bool

	embed  embeddings
	pre    *nn.LayerNorm // CLIP's pre_layrnorm, else nil
	blocks []*block
	last   *nn.LayerNorm // behind the last block; hidden states have not passed it
}

// embeddings are the parameters before the first block.
type embeddings struct {
	patch, bias *nn.Param // [D, 3, p, p], [D] or nil
	cls         *nn.Param // D elements, or nil
	registers   *nn.Param // [1, R, D], or nil
	pos         *nn.Param // (1 +) patches rows of D
}

// block is one pre-norm transformer block; scale1, scale2 are DINOv2's LayerScale, else nil.
type block struct {
	norm1, norm2   *nn.LayerNorm
	q, k, v, o     *nn.Linear
	fc1, fc2       *nn.Linear
	gated          bool // SwiGLU: fc1 gives the gate and what it lets through
	scale1, scale2 *nn.Param
	heads          int
	act            kernels.Act
}

// New declares a tower under the names of published checkpoints.
func New(s *nn.Scope, cfg Config) *Tower {
	return cfg.kind.build(s, cfg)
}

// States resolves layer indexes (negative ones count from the end; 0 is what enters the first
// block) against the tower's NumHiddenLayers+1 hidden states.
func (c *Config) States(layers []int) ([]int, error) {
	n := c.NumHiddenLayers + 1
	out := make([]int, len(layers))
	for i, l := range layers {
		if l < 0 {
			l += n
		}
		if l < 0 || l >= n {
			return nil, fmt.Errorf("vision_feature_layer %d, the tower has hidden states %d to %d", layers[i], -n, n-1)
		}
		out[i] = l
	}
	return out, nil
}

// Hidden returns the hidden states at the given indexes (see States), each [images*(Extra+P), D], for
// images [3, h, w] of normalised pixels. Blocks above the highest index are not run.
func (t *Tower) Hidden(tape *autograd.Tape, images [][]float32, h, w int, layers []int) ([]*autograd.Var, error) {
	if err := t.Config.CheckSize(h, w); err != nil {
		return nil, err
	}
	want, err := t.Config.States(layers)
	if err != nil {
		return nil, err
	}
	for i, px := range images {
		if len(px) != 3*h*w {
			return nil, fmt.Errorf("image %d has %d values, want 3*%d*%d", i, len(px), h, w)
		}
	}
	top := 0
	for _, l := range want {
		top = max(top, l)
	}
	x := tape.Scope(func() *autograd.Var { return t.tokens(tape, images, h, w) })
	tokens := x.Rows() / len(images)
	spans := make([]kernels.Span, len(images))
	for i := range spans {
		spans[i] = kernels.Span{Q0: i * tokens, QN: tokens, K0: i * tokens, KN: tokens}
	}
	out := make([]*autograd.Var, len(want))
	for l := 0; ; l++ {
		for i, s := range want {
			if s == l {
				out[i] = x
			}
		}
		if l == top {
			return out, nil
		}
		b := t.blocks[l]
		run := func(tape *autograd.Tape, x *autograd.Var) *autograd.Var { return b.forward(tape, x, spans) }
		if t.Checkpointing {
			x = tape.Checkpoint(x, nn.Vars(b.norm1, b.q, b.k, b.v, b.o, b.norm2, b.fc1, b.fc2, b.scale1, b.scale2), run)
		} else {
			x = tape.Scope(func() *autograd.Var { return run(tape, x) })
		}
	}
}

// Selection says which of a tower's hidden states are features.
type Selection struct {
	Layers []int // see States; several are joined along the width
	// Full takes all tokens (transformers' "full"), else each image's first is left out ("default"), whatever it is: the class
	// token of CLIP and DINOv2, whose registers stay, and a patch of SigLIP, which wants Full.
	Full bool
	// Normed puts them through the norm behind the last block.
	Normed bool
}

// Features are the selected hidden states, [images*tokens, D*len(Layers)].
func (t *Tower) Features(tape *autograd.Tape, images [][]float32, h, w int, s Selection) (*autograd.Var, error) {
	states, err := t.Hidden(tape, images, h, w, s.Layers)
	if err != nil {
		return nil, err
	}
	if s.Normed {
		for i, x := range states {
			states[i] = t.last.Forward(tape, x)
		}
	}
	if !s.Full {
		tokens := states[0].Rows() / len(images)
		at := make([]int32, 0, states[0].Rows())
		for i := range states[0].Rows() {
			if i%tokens != 0 {
				at = append(at, int32(i))
			}
		}
		for i, s := range states {
			states[i] = tape.SelectRows(s, at)
		}
	}
	return tape.ConcatColumns(states...), nil
}

// tokens is what enters the first block.
func (t *Tower) tokens(tape *autograd.Tape, images [][]float32, h, w int) *autograd.Var {
	p := t.Config.PatchSize
	cols := tape.Unfold(t.embed.patch.Var().Device(), images, h, w, p)
	optional := func(p *nn.Param) *autograd.Var {
		if p == nil {
			return nil
		}
		return p.Var()
	}
	patches := tape.Linear(cols, autograd.Matrix{Var: t.embed.patch.Var()}, optional(t.embed.bias))
	x := tape.PatchTokens(patches, optional(t.embed.cls), optional(t.embed.registers), t.positions(tape, h, w), len(images))
	if t.pre != nil {
		x = t.pre.Forward(tape, x)
	}
	return x
}

func (b *block) forward(tape *autograd.Tape, x *autograd.Var, spans []kernels.Span) *autograd.Var {
	d := b.q.Out() / b.heads
	cfg := kernels.Attention{H: b.heads, KV: b.heads, D: d, Scale: float32(1 / math.Sqrt(float64(d)))}
	qkv := nn.Linears(tape, b.norm1.Lazy(x), b.q, b.k, b.v)
	a := tape.Attention(qkv[0], qkv[1], qkv[2], cfg, spans)
	x = residual(tape, x, b.o.Forward(tape, a), b.scale1)
	h := nn.Linears(tape, b.norm2.Lazy(x), b.fc1)[0]
	inner := autograd.LazyActivate(b.act, h)
	if b.gated {
		inner = autograd.LazySwiGLU(tape.Columns(h, 1, 0, h.Cols()/2), tape.Columns(h, 1, h.Cols()/2, h.Cols()))
	}
	return residual(tape, x, b.fc2.Last(tape, inner), b.scale2)
}

// residual returns x + scale·y.
func residual(tape *autograd.Tape, x, y *autograd.Var, scale *nn.Param) *autograd.Var {
	switch {
	case scale == nil:
		return tape.Residual(x, y, nil)
	case scale.Trainable():
		return tape.Residual(x, tape.MulColumns(y, scale.Var()), nil)
	}
	return tape.Residual(x, y, scale.Var())
}
