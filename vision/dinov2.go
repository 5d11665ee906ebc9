package vision

import "moslava/internal/nn"

// dinov2 is transformers' Dinov2Model.
var dinov2 = &kind{
	name: "dinov2",
	defaults: Config{HiddenSize: 768, NumHiddenLayers: 12, NumAttentionHeads: 12, NumChannels: 3, MLPRatio: 4,
		ImageSize: 224, PatchSize: 14, HiddenAct: "gelu", LayerNormEps: 1e-6, QKVBias: true, UseMask: true},
	derive:        (*Config).dinov2Width,
	build:         newDinov2,
	class:         true,
	interpolates:  true,
	interpolation: cubic,
	names:         dinov2Names,
	lastNormed:    true,
	pooled:        PoolClass,
}

// dinov2Registers is transformers' Dinov2WithRegistersModel: register tokens behind the class token, and antialiased positions.
var dinov2Registers = &kind{
	name: "dinov2_with_registers",
	defaults: Config{HiddenSize: 768, NumHiddenLayers: 12, NumAttentionHeads: 12, NumChannels: 3, MLPRatio: 4,
		ImageSize: 224, PatchSize: 16, HiddenAct: "gelu", LayerNormEps: 1e-6, QKVBias: true, UseMask: true, Registers: 4},
	derive:        (*Config).dinov2Width,
	build:         newDinov2,
	class:         true,
	registers:     true,
	interpolates:  true,
	interpolation: cubicAntialiased,
	names:         dinov2Names,
	lastNormed:    true,
	pooled:        PoolClass,
}

// dinov2Names have no level of their own. With a classifier the tower is below dinov2 or dinov2_with_registers.
var dinov2Names = names{
	wraps: []string{"dinov2.", "dinov2_with_registers."},
	renamed: []rename{
		{".attention.attention.query", ".attention.q_proj"},
		{".attention.attention.key", ".attention.k_proj"},
		{".attention.attention.value", ".attention.v_proj"},
		{".attention.output.dense", ".attention.o_proj"},
	},
	positions: "embeddings.position_embeddings",
	blocks:    "encoder.layer.",
	norm:      "layernorm",
	unread:    []string{"embeddings.mask_token"},
}

// newDinov2 declares the parameters. mask_token and the final layernorm take no part
// in the features; they are loaded so that an export is whole.
func newDinov2(s *nn.Scope, cfg Config) *Tower {
	d, side := cfg.HiddenSize, cfg.side()
	e := s.In("embeddings")
	t := &Tower{Config: cfg, embed: embeddings{
		cls: e.Param("cls_token", nn.Normal(0.02), 1, 1, d),
		pos: e.Param("position_embeddings", nn.Normal(0.02), 1, side*side+1, d),
	}}
	if cfg.UseMask {
		e.Param("mask_token", nn.Zeros, 1, d)
	}
	if cfg.Registers > 0 {
		t.embed.registers = e.Param("register_tokens", nn.Normal(0.02), 1, cfg.Registers, d)
	}
	t.embed.patch = e.Param("patch_embeddings.projection.weight", nn.KaimingUniform, d, 3, cfg.PatchSize, cfg.PatchSize)
	t.embed.bias = e.Param("patch_embeddings.projection.bias", nn.Zeros, d)
	for i := range cfg.NumHiddenLayers {
		l := s.In("encoder", "layer", i)
		attn := l.In("attention", "attention")
		linear := attn.Linear
		if !cfg.QKVBias {
			linear = attn.LinearNoBias
		}
		b := &block{
			heads: cfg.NumAttentionHeads, act: cfg.act,
			norm1:  l.LayerNorm("norm1", d, cfg.LayerNormEps),
			q:      linear("query", d, d),
			k:      linear("key", d, d),
			v:      linear("value", d, d),
			o:      l.In("attention", "output").LinearToResidual("dense", d, d, true, 2*cfg.NumHiddenLayers),
			scale1: l.In("layer_scale1").Param("lambda1", nn.Ones, d),
			norm2:  l.LayerNorm("norm2", d, cfg.LayerNormEps),
		}
		mlp, width := l.In("mlp"), cfg.IntermediateSize
		if cfg.SwiGLU {
			b.gated = true
			b.fc1 = mlp.Linear("weights_in", d, 2*width) // gate, then up
			b.fc2 = mlp.LinearToResidual("weights_out", width, d, true, 2*cfg.NumHiddenLayers)
		} else {
			b.fc1 = mlp.Linear("fc1", d, width)
			b.fc2 = mlp.LinearToResidual("fc2", width, d, true, 2*cfg.NumHiddenLayers)
		}
		b.scale2 = l.In("layer_scale2").Param("lambda1", nn.Ones, d)
		t.blocks = append(t.blocks, b)
	}
	t.last = s.LayerNorm("layernorm", d, cfg.LayerNormEps)
	return t
}

// dinov2Width sets the width inside the MLP of a block, which follows from mlp_ratio; with SwiGLU it is two thirds of that,
// rounded up to a multiple of 8 (Dinov2SwiGLUFFN).
func (c *Config) dinov2Width() {
	if !(c.MLPRatio > 0 && c.MLPRatio < 1<<10 && c.HiddenSize > 0 && c.HiddenSize <= maxSize) {
		return // validate says so
	}
	n := int(float64(c.HiddenSize) * c.MLPRatio)
	if c.SwiGLU {
		n = (int(float64(n)*2/3) + 7) / 8 * 8
	}
	c.IntermediateSize = n
}
