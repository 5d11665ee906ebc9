package language

import "moslava/internal/hfconfig"

// mistral is transformers' MistralForCausalLM: LLaMA with one sliding window for all layers, or none.
var mistral = &kind{
	name: "mistral",
	defaults: Config{VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 14336, NumHiddenLayers: 32, NumAttentionHeads: 32,
		NumKeyValueHeads: 8, HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 131072},
	window: 4096,
	refused: refused.Plus(hfconfig.Neutral{"bias": hfconfig.Off, "qkv_bias": hfconfig.Off, "attention_bias": hfconfig.Off,
		"mlp_bias": hfconfig.Off}),
	slides: func(*Config, int) bool { return true },
	ropes:  scaledRopes,
	names:  plainNames,
}
