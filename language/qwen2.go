package language

import "moslava/internal/hfconfig"

// qwen2 is transformers' Qwen2ForCausalLM: LLaMA with biases on queries, keys and values, and windows in some layers.
var qwen2 = &kind{
	name: "qwen2",
	defaults: Config{VocabSize: 151936, HiddenSize: 4096, IntermediateSize: 22016, NumHiddenLayers: 32, NumAttentionHeads: 32,
		NumKeyValueHeads: 32, HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 32768, MaxWindowLayers: 28},
	window:  4096,
	refused: refused.Plus(hfconfig.Neutral{"attention_bias": {false, true}, "mlp_bias": hfconfig.Off, "qkv_bias": {true}}),
	derive: func(c *Config) {
		if !c.UseSlidingWindow {
			c.SlidingWindow = nil
		}
	},
	biases: func(*Config) biases { return biases{qkv: true} },
	slides: func(c *Config, layer int) bool { return layer >= c.MaxWindowLayers },
	free:   true,
	ropes:  scaledRopes,
	names:  plainNames,
}
