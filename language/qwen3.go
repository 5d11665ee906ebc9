package language

import "moslava/internal/hfconfig"

// qwen3 is transformers' Qwen3ForCausalLM: LLaMA with a norm over each head's queries and keys, and windows in some layers.
var qwen3 = &kind{
	name: "qwen3",
	defaults: Config{VocabSize: 151936, HiddenSize: 4096, IntermediateSize: 22016, NumHiddenLayers: 32, NumAttentionHeads: 32,
		NumKeyValueHeads: 32, HeadDim: 128, HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 32768, MaxWindowLayers: 28},
	window:  4096,
	refused: refused.Plus(hfconfig.Neutral{"mlp_bias": hfconfig.Off, "qkv_bias": hfconfig.Off, "qk_norm": {true}, "use_qk_norm": {true}}),
	derive:  qwen2.derive,
	biases:  func(c *Config) biases { return biases{qkv: c.AttentionBias, out: c.AttentionBias} },
	gives:   []biasField{{".self_attn.", "attention_bias", func(c *Config) { c.AttentionBias = true }}},
	slides:  qwen2.slides,
	free:    true,
	ropes:   scaledRopes,
	names:   headNormNames(),
}

// headNormNames are LLaMA's with those of the heads' norms.
func headNormNames() Names {
	n := plainNames
	n.QNorm, n.KNorm = "self_attn.q_norm", "self_attn.k_norm"
	return n
}
