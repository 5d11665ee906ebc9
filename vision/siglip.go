package vision

import "moslava/internal/nn"

// newSigLIP declares transformers' SiglipVisionModel, which SigLIP 2 of fixed resolution is, too: no class token, and a bias on the
// patches. post_layernorm takes no part in the features; it is loaded so that an export is whole. The pooling head, which
// is a block of its own, is not: see Config.ReadsPast.
func newSigLIP(s *nn.Scope, cfg Config) *Tower {
	s = s.In("vision_model")
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
	s.LayerNorm("post_layernorm", d, cfg.LayerNormEps)
	return t
}
