package language

import "moslava/internal/hfconfig"

// llama is transformers' LlamaForCausalLM. SmolLM2 and Vicuna are of this type.
var llama = &kind{
	name: "llama",
	defaults: Config{VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 11008, NumHiddenLayers: 32, NumAttentionHeads: 32,
		HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 2048},
	refused: refused.Plus(hfconfig.Neutral{"bias": hfconfig.Off, "qkv_bias": hfconfig.Off, "sliding_window": hfconfig.Never}),
	biases:  func(c *Config) biases { return biases{qkv: c.AttentionBias, out: c.AttentionBias, mlp: c.MLPBias} },
	gives: []biasField{{".self_attn.", "attention_bias", func(c *Config) { c.AttentionBias = true }},
		{".mlp.", "mlp_bias", func(c *Config) { c.MLPBias = true }}},
	ropes: scaledRopes,
	names: plainNames,
}

// plainNames are those of LLaMA and of most decoders after it.
var plainNames = Names{Embed: "embed_tokens", Head: "lm_head", Norm1: "input_layernorm", Norm2: "post_attention_layernorm",
	Q: "self_attn.q_proj", K: "self_attn.k_proj", V: "self_attn.v_proj", O: "self_attn.o_proj",
	Gate: "mlp.gate_proj", Up: "mlp.up_proj", Down: "mlp.down_proj"}
