package vision

import "moslava/internal/nn"

// newCLIP declares transformers' CLIPVisionModel. post_layernorm belongs to the pooled output,
// which LLaVA does not use; it is loaded so that an export is whole.
func newCLIP(s *nn.Scope, cfg Config) *Tower {
	s = s.In("vision_model")
	d, side := cfg.HiddenSize, cfg.ImageSize/cfg.PatchSize
	e := s.In("embeddings")
	t := &Tower{Config: cfg, embed: embeddings{
		cls:   e.Param("class_embedding", nn.Normal(0.02), d),
		patch: e.Param("patch_embedding.weight", nn.KaimingUniform, d, 3, cfg.PatchSize, cfg.PatchSize),
		pos:   e.Param("position_embedding.weight", nn.Normal(0.02), side*side+1, d),
	}}
	t.pre = s.LayerNorm("pre_layrnorm", d, cfg.LayerNormEps)
	for i := range cfg.NumHiddenLayers {
		l := s.In("encoder", "layers", i)
		attn, mlp := l.In("self_attn"), l.In("mlp")
		t.blocks = append(t.blocks, &block{
			heads: cfg.NumAttentionHeads, act: cfg.act,
			norm1: l.LayerNorm("layer_norm1", d, cfg.LayerNormEps),
			q:     attn.Linear("q_proj", d, d),
			k:     attn.Linear("k_proj", d, d),
			v:     attn.Linear("v_proj", d, d),
			o:     attn.LinearToResidual("out_proj", d, d, true, 2*cfg.NumHiddenLayers),
			norm2: l.LayerNorm("layer_norm2", d, cfg.LayerNormEps),
			fc1:   mlp.Linear("fc1", d, cfg.IntermediateSize),
			fc2:   mlp.LinearToResidual("fc2", cfg.IntermediateSize, d, true, 2*cfg.NumHiddenLayers),
		})
	}
	s.LayerNorm("post_layernorm", d, cfg.LayerNormEps)
	return t
}
