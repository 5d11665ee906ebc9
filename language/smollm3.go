package language

import "moslava/internal/hfconfig"

// smollm3 is transformers' SmolLM3ForCausalLM: LLaMA with layers, every fourth unless the configuration says otherwise, whose queries and keys are
// not turned by positions.
var smollm3 = &kind{
	name: "smollm3",
	defaults: Config{VocabSize: 128256, HiddenSize: 2048, IntermediateSize: 11008, NumHiddenLayers: 36, NumAttentionHeads: 16,
		NumKeyValueHeads: 4, HiddenAct: "silu", RMSNormEps: 1e-6, TieWordEmbeddings: true, MaxPositionEmbeddings: 32768, NoRopeInterval: 4},
	refused:  refused.Without("no_rope_layers", "no_rope_layer_interval").Plus(hfconfig.Neutral{"qkv_bias": hfconfig.Off}),
	derive:   qwen2.derive,
	biases:   llama.biases,
	gives:    llama.gives,
	slides:   func(c *Config, layer int) bool { return !c.turned(layer) },
	free:     true,
	unturned: true,
	theta:    2e6,
	ropes:    scaledRopes,
	names:    plainNames,
}
