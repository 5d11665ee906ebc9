package vision

import "moslava/internal/nn"

// siglip is transformers' SiglipVisionModel, which SigLIP 2 of fixed resolution is, too.
var siglip = &kind{
	name: "siglip_vision_model", whole: "siglip",
	near: nearby{"siglip_text_model": textTower, "siglip2": siglip2, "siglip2_vision_model": siglip2},
	defaults: Config{HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, NumChannels: 3,
		ImageSize: 224, PatchSize: 16, HiddenAct: "gelu_pytorch_tanh", LayerNormEps: 1e-6, UseHead: true},
	build:         newSigLIP,
	interpolation: cubic,
	names:         siglipNames(),
	lastNormed:    true,
	pooled:        PoolAttention,
}

const siglip2 = "fixed-resolution SigLIP 2 is published as siglip; this is the variant with pictures of any shape"

func siglipNames() names {
	n := clipNames
	n.past = []string{"head."}
	return n
}

// newSigLIP declares the parameters: no class token, and a bias on the patches. post_layernorm takes no part in the features; it
// is loaded so that an export is whole. The pooling head, which is a block of its own, is not: see Config.ReadsPast.
func newSigLIP(s *nn.Scope, cfg Config) *Tower {
	s = cfg.scope(s)
	d := cfg.HiddenSize
	e := s.In("embeddings")
	t := &Tower{Config: cfg, embed: embeddings{
		patch: e.Param("patch_embedding.weight", nn.KaimingUniform, d, 3, cfg.PatchSize, cfg.PatchSize),
		bias:  e.Param("patch_embedding.bias", nn.Zeros, d),
		pos:   e.Param("position_embedding.weight", nn.Normal(0.02), cfg.side()*cfg.side(), d),
	}}
	for i := range cfg.NumHiddenLayers {
		t.blocks = append(t.blocks, newCLIPBlock(s.In("encoder", "layers", i), cfg))
	}
	t.last = s.LayerNorm("post_layernorm", d, cfg.LayerNormEps)
	return t
}
