package vision

import "moslava/internal/nn"

// clip is transformers' CLIPVisionModel.
var clip = &kind{
	name: "clip_vision_model", whole: "clip", near: nearby{"clip_text_model": textTower},
	defaults: Config{HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, NumChannels: 3,
		ImageSize: 224, PatchSize: 32, HiddenAct: "quick_gelu", LayerNormEps: 1e-5},
	build:         newCLIP,
	class:         true,
	interpolation: cubic,
	names:         clipNames,
	pooled:        PoolClass,
}

const textTower = "this is a text tower"

// clipNames are those of CLIP and, but for the head, of SigLIP.
var clipNames = names{
	level:     "vision_model.",
	positions: "embeddings.position_embedding.weight",
	blocks:    "encoder.layers.",
	norm:      "post_layernorm",
}

// newCLIP declares the parameters. post_layernorm belongs to the pooled output,
// which LLaVA does not use; it is loaded so that an export is whole.
func newCLIP(s *nn.Scope, cfg Config) *Tower {
	s = cfg.scope(s)
	d := cfg.HiddenSize
	e := s.In("embeddings")
	t := &Tower{Config: cfg, embed: embeddings{
		cls:   e.Param("class_embedding", nn.Normal(0.02), d),
		patch: e.Param("patch_embedding.weight", nn.KaimingUniform, d, 3, cfg.PatchSize, cfg.PatchSize),
		pos:   e.Param("position_embedding.weight", nn.Normal(0.02), cfg.side()*cfg.side()+1, d),
	}}
	t.pre = s.LayerNorm("pre_layrnorm", d, cfg.LayerNormEps)
	for i := range cfg.NumHiddenLayers {
		t.blocks = append(t.blocks, newCLIPBlock(s.In("encoder", "layers", i), cfg))
	}
	t.last = s.LayerNorm("post_layernorm", d, cfg.LayerNormEps)
	return t
}

// newCLIPBlock is a block of CLIP and of SigLIP.
func newCLIPBlock(s *nn.Scope, cfg Config) *block {
	d, attn, mlp := cfg.HiddenSize, s.In("self_attn"), s.In("mlp")
	return &block{
		heads: cfg.NumAttentionHeads, act: cfg.act,
		norm1: s.LayerNorm("layer_norm1", d, cfg.LayerNormEps),
		q:     attn.Linear("q_proj", d, d),
		k:     attn.Linear("k_proj", d, d),
		v:     attn.Linear("v_proj", d, d),
		o:     attn.LinearToResidual("out_proj", d, d, true, 2*cfg.NumHiddenLayers),
		norm2: s.LayerNorm("layer_norm2", d, cfg.LayerNormEps),
		fc1:   mlp.Linear("fc1", d, cfg.IntermediateSize),
		fc2:   mlp.LinearToResidual("fc2", cfg.IntermediateSize, d, true, 2*cfg.NumHiddenLayers),
	}
}
