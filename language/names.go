package language

import "strings"

// Names are the parts of a decoder in published checkpoints: Embed below model, Head at the top and all others below
// model.layers.N.
type Names struct {
	Embed, Head    string
	Norm1, Norm2   string
	Q, K, V        string // empty if there is QKV
	QKV            string
	O              string
	Gate, Up, Down string
}

// Names of a configuration's decoder.
func (c *Config) Names() Names {
	if c.Fused() {
		return Names{Embed: "tok_embeddings", Head: "output", Norm1: "attention_norm", Norm2: "ffn_norm",
			QKV: "attention.wqkv", O: "attention.wo", Gate: "feed_forward.w1", Up: "feed_forward.w3", Down: "feed_forward.w2"}
	}
	return Names{Embed: "embed_tokens", Head: "lm_head", Norm1: "input_layernorm", Norm2: "post_attention_layernorm",
		Q: "self_attn.q_proj", K: "self_attn.k_proj", V: "self_attn.v_proj", O: "self_attn.o_proj",
		Gate: "mlp.gate_proj", Up: "mlp.up_proj", Down: "mlp.down_proj"}
}

// IsEmbedding and IsHead recognise the vocabulary's tables by the ends of their parameters' names, of any model type.
func IsEmbedding(name string) bool { return hasTable(name, "embed_tokens", "tok_embeddings") }

// IsHead is IsEmbedding for output layers of their own.
func IsHead(name string) bool { return hasTable(name, "lm_head", "output") }

func hasTable(name string, tables ...string) bool {
	for _, t := range tables {
		if rest, ok := strings.CutSuffix(name, t+".weight"); ok && (rest == "" || rest[len(rest)-1] == '.') {
			return true
		}
	}
	return false
}
