package vision

import "moslava/internal/nn"

// newDinov2 declares transformers' Dinov2Model, or Dinov2WithRegistersModel. mask_token and the final layernorm take no part
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
	s.LayerNorm("layernorm", d, cfg.LayerNormEps)
	return t
}
