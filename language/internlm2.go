package language

import "moslava/internal/hfconfig"

// internlm2 is InternLM2ForCausalLM as its authors publish it (modeling_internlm2.py of internlm/internlm2-chat-7b): LLaMA with one
// matrix for queries, keys and values, under other names.
var internlm2 = &kind{
	name: "internlm2",
	defaults: Config{VocabSize: 103168, HiddenSize: 4096, IntermediateSize: 11008, NumHiddenLayers: 32, NumAttentionHeads: 32,
		HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 2048, Bias: true},
	refused: refused.Plus(hfconfig.Neutral{"attention_bias": hfconfig.Off, "mlp_bias": hfconfig.Off, "sliding_window": hfconfig.Never}),
	biases:  func(c *Config) biases { return biases{qkv: c.Bias, out: c.Bias} },
	ropes:   []string{"dynamic"},
	// For each key-value head its queries, then the key and the value, of one head each (InternLM2Attention: "gs", the last two of
	// which are key and value).
	fused: func(c *Config) (groups, q, kv int) {
		return c.NumKeyValueHeads, c.NumAttentionHeads / c.NumKeyValueHeads * c.HeadDim, c.HeadDim
	},
	names: Names{Embed: "tok_embeddings", Head: "output", Norm1: "attention_norm", Norm2: "ffn_norm",
		QKV: "attention.wqkv", O: "attention.wo", Gate: "feed_forward.w1", Up: "feed_forward.w3", Down: "feed_forward.w2"},
}
