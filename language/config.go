// Package language is the text side of the model: ids to next-token logits, with the weights and the numbers of transformers'
// LlamaForCausalLM, MistralForCausalLM and Qwen2ForCausalLM (5.23), and of InternLM2ForCausalLM as its authors publish it.
package language

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/hfconfig"
)

// Config is what shapes a decoder, read from the text_config of a LLaVA config.json or from the
// config.json of a decoder alone. Absent fields have transformers' defaults.
type Config struct {
	ModelType             string  `json:"model_type"`
	VocabSize             int     `json:"vocab_size"`
	HiddenSize            int     `json:"hidden_size"`
	IntermediateSize      int     `json:"intermediate_size"`
	NumHiddenLayers       int     `json:"num_hidden_layers"`
	NumAttentionHeads     int     `json:"num_attention_heads"`
	NumKeyValueHeads      int     `json:"num_key_value_heads"`
	HeadDim               int     `json:"head_dim"`
	HiddenAct             string  `json:"hidden_act"`
	RMSNormEps            float64 `json:"rms_norm_eps"`
	TieWordEmbeddings     bool    `json:"tie_word_embeddings"`
	MaxPositionEmbeddings int     `json:"max_position_embeddings"`
	AttentionBias         bool    `json:"attention_bias"` // LLaMA: on q, k, v and o
	MLPBias               bool    `json:"mlp_bias"`       // LLaMA
	Bias                  bool    `json:"bias"`           // InternLM2: on wqkv and wo

	SlidingWindow    *int     `json:"sliding_window"`     // Mistral, and Qwen2 with use_sliding_window; nil is none
	UseSlidingWindow bool     `json:"use_sliding_window"` // Qwen2
	MaxWindowLayers  int      `json:"max_window_layers"`  // Qwen2: layers below see everything
	LayerTypes       []string `json:"layer_types"`        // Qwen2: in place of max_window_layers

	Rope Rope `json:"-"`
}

// The model types that are implemented.
const (
	llama     = "llama" // SmolLM2 and Vicuna are of this type
	mistral   = "mistral"
	qwen2     = "qwen2"
	internlm2 = "internlm2"
)

// ModelTypes are the model types that ParseConfig reads, sorted.
func ModelTypes() []string { return []string{internlm2, llama, mistral, qwen2} }

// window is a default of sliding_window.
func window(n int) *int { return &n }

// defaults are those of transformers, and of InternLM2Config of internlm/internlm2-chat-7b.
var defaults = map[string]Config{
	llama: {VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 11008, NumHiddenLayers: 32, NumAttentionHeads: 32,
		HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 2048},
	mistral: {VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 14336, NumHiddenLayers: 32, NumAttentionHeads: 32, NumKeyValueHeads: 8,
		HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 131072},
	qwen2: {VocabSize: 151936, HiddenSize: 4096, IntermediateSize: 22016, NumHiddenLayers: 32, NumAttentionHeads: 32, NumKeyValueHeads: 32,
		HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 32768, MaxWindowLayers: 28},
	internlm2: {VocabSize: 103168, HiddenSize: 4096, IntermediateSize: 11008, NumHiddenLayers: 32, NumAttentionHeads: 32,
		HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 2048, Bias: true},
}

// refused are fields with which some decoder of the same family computes something else, and the values at which they have no
// effect.
var refused = hfconfig.Neutral{
	// positions
	"alibi": hfconfig.Off, "use_alibi": hfconfig.Off, "rope_interleaved": hfconfig.Off, "no_rope_layers": hfconfig.Off,
	"no_rope_layer_interval": hfconfig.Off, "nope_layer_interval": hfconfig.Off, "partial_rotary_factor": hfconfig.Unit,
	"rotary_pct": hfconfig.Unit, "rope_local_base_freq": hfconfig.Never, "use_mrope": hfconfig.Off,
	// norms and attention
	"qk_norm": hfconfig.Off, "use_qk_norm": hfconfig.Off, "qk_layernorm": hfconfig.Off, "clip_qkv": hfconfig.Never,
	"attn_logit_softcapping": hfconfig.Never, "query_pre_attn_scalar": hfconfig.Never, "attention_multiplier": hfconfig.Never,
	"attention_chunk_size": hfconfig.Never,
	// scales
	"logit_scale": hfconfig.Unit, "logits_scaling": hfconfig.Unit, "final_logit_softcapping": hfconfig.Never,
	"embedding_multiplier": hfconfig.Unit, "residual_multiplier": hfconfig.Unit, "scale_emb": hfconfig.Unit,
	"scale_depth": hfconfig.Never, "dim_model_base": hfconfig.Never, "lm_head_multiplier": hfconfig.Unit,
	// experts
	"num_local_experts": hfconfig.Few, "num_experts": hfconfig.Few, "n_routed_experts": hfconfig.Few,
	// dropout
	"hidden_dropout": hfconfig.Off, "hidden_dropout_prob": hfconfig.Off, "resid_pdrop": hfconfig.Off, "embd_pdrop": hfconfig.Off,
	"residual_dropout": hfconfig.Off, "attention_dropout": hfconfig.Off,
}

// refusedOf are fields that one model type reads and another, with the same checkpoint, would pass over.
var refusedOf = map[string]hfconfig.Neutral{
	llama:     refused.Plus(hfconfig.Neutral{"bias": hfconfig.Off, "qkv_bias": hfconfig.Off, "sliding_window": hfconfig.Never}),
	mistral:   refused.Plus(hfconfig.Neutral{"bias": hfconfig.Off, "qkv_bias": hfconfig.Off, "attention_bias": hfconfig.Off, "mlp_bias": hfconfig.Off}),
	qwen2:     refused.Plus(hfconfig.Neutral{"attention_bias": {false, true}, "mlp_bias": hfconfig.Off, "qkv_bias": {true}}),
	internlm2: refused.Plus(hfconfig.Neutral{"attention_bias": hfconfig.Off, "mlp_bias": hfconfig.Off, "sliding_window": hfconfig.Never}),
}

// ParseConfig reads a decoder's configuration. The error names every field that is impossible or changes numbers in a way that
// is not implemented.
func ParseConfig(raw []byte) (Config, error) {
	c, err := parse(raw)
	if err != nil {
		return Config{}, fmt.Errorf("text config: %w", err)
	}
	return c, nil
}

func parse(raw []byte) (Config, error) {
	given, err := hfconfig.Parse(raw)
	if err != nil {
		return Config{}, err
	}
	kind := llama
	if given.Has("model_type") {
		if err := json.Unmarshal(given["model_type"], &kind); err != nil {
			return Config{}, fmt.Errorf("model_type: %w", err)
		}
	}
	c, ok := defaults[kind]
	if !ok {
		return Config{}, fmt.Errorf("model_type is %q; implemented are %s", kind, strings.Join(ModelTypes(), ", "))
	}
	if kind == mistral || kind == qwen2 {
		c.SlidingWindow = window(4096)
	}
	if err := given.Into(&c); err != nil {
		return Config{}, err
	}
	c.ModelType = kind
	if given.Null("num_key_value_heads") {
		c.NumKeyValueHeads = 0
	}
	errs := refusedOf[kind].Check(given)
	errs = append(errs, c.sizes()...)
	if len(errs) == 0 { // what follows divides by them
		errs = append(errs, c.windows(given.Has("layer_types"))...)
		if c.Rope, err = parseRope(given, &c); err != nil {
			errs = append(errs, err)
		}
	}
	return c, errors.Join(errs...)
}

// Sizes beyond these are errors: nothing is taken on a configuration's word alone.
const (
	maxSize   = 1 << 24
	maxLayers = 1 << 12
	maxHead   = 1 << 16
)

// sizes derives what other fields imply and checks what is possible.
func (c *Config) sizes() (errs []error) {
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.NumKeyValueHeads == 0 {
		c.NumKeyValueHeads = c.NumAttentionHeads
	}
	if c.HeadDim == 0 && c.NumAttentionHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumAttentionHeads
		if c.HiddenSize%c.NumAttentionHeads != 0 {
			fail("hidden_size %d is no multiple of num_attention_heads %d, and there is no head_dim", c.HiddenSize, c.NumAttentionHeads)
		}
	}
	for _, f := range []struct {
		name   string
		v, max int
	}{{"vocab_size", c.VocabSize, maxSize}, {"hidden_size", c.HiddenSize, maxSize}, {"intermediate_size", c.IntermediateSize, maxSize},
		{"num_hidden_layers", c.NumHiddenLayers, maxLayers}, {"num_attention_heads", c.NumAttentionHeads, maxHead},
		{"num_key_value_heads", c.NumKeyValueHeads, maxHead}, {"head_dim", c.HeadDim, maxHead},
		{"max_position_embeddings", c.MaxPositionEmbeddings, 1 << 40}} {
		if f.v <= 0 || f.v > f.max {
			fail("%s is %d, want 1 to %d", f.name, f.v, f.max)
		}
	}
	if len(errs) == 0 && c.NumAttentionHeads%c.NumKeyValueHeads != 0 {
		fail("num_attention_heads %d is no multiple of num_key_value_heads %d", c.NumAttentionHeads, c.NumKeyValueHeads)
	}
	if len(errs) == 0 && c.HeadDim%2 != 0 {
		fail("head_dim %d is odd", c.HeadDim)
	}
	if c.HiddenAct != "silu" && c.HiddenAct != "swish" {
		fail("hidden_act is %q, only silu is supported", c.HiddenAct)
	}
	if !(c.RMSNormEps >= 0) {
		fail("rms_norm_eps is %g", c.RMSNormEps)
	}
	return errs
}

// Names of layer_types.
const (
	fullAttention    = "full_attention"
	slidingAttention = "sliding_attention"
)

// windows makes LayerTypes say of every layer which keys it sees, and SlidingWindow nil if none has a window.
func (c *Config) windows(given bool) (errs []error) {
	if c.ModelType == llama || c.ModelType == internlm2 || c.ModelType == qwen2 && !c.UseSlidingWindow {
		c.SlidingWindow = nil
	}
	want := make([]string, c.NumHiddenLayers)
	for i := range want {
		want[i] = fullAttention
		if c.SlidingWindow != nil && (c.ModelType == mistral || i >= c.MaxWindowLayers) {
			want[i] = slidingAttention
		}
	}
	switch {
	case !given:
		c.LayerTypes = want
	case len(c.LayerTypes) != c.NumHiddenLayers:
		errs = append(errs, fmt.Errorf("layer_types has %d entries, num_hidden_layers is %d", len(c.LayerTypes), c.NumHiddenLayers))
	case c.ModelType != qwen2 && !slices.Equal(c.LayerTypes, want):
		errs = append(errs, fmt.Errorf("layer_types is %.80q, which is not supported for %s: want %s in every layer", c.LayerTypes, c.ModelType, want[0]))
	}
	for i, t := range c.LayerTypes {
		if t != fullAttention && t != slidingAttention {
			return append(errs, fmt.Errorf("layer_types has %q for layer %d; implemented are %s and %s", t, i, fullAttention, slidingAttention))
		}
	}
	switch sliding := slices.Contains(c.LayerTypes, slidingAttention); {
	case !sliding:
		c.SlidingWindow = nil
	case c.SlidingWindow == nil:
		errs = append(errs, errors.New("layer_types has sliding_attention and there is no sliding_window in use"))
	case *c.SlidingWindow <= 0:
		errs = append(errs, fmt.Errorf("sliding_window is %d, want at least 1, or null", *c.SlidingWindow))
	}
	return errs
}

// windowOf is how many keys a query of a layer sees, its own among them; 0 is all.
func (c *Config) windowOf(layer int) int {
	if c.LayerTypes[layer] == slidingAttention {
		return *c.SlidingWindow
	}
	return 0
}

// qkvBias and outBias say which attention projections have biases: Qwen2 has them on q, k and v only.
func (c *Config) qkvBias() bool {
	return c.ModelType == qwen2 || c.ModelType == llama && c.AttentionBias || c.ModelType == internlm2 && c.Bias
}

func (c *Config) outBias() bool {
	return c.ModelType == llama && c.AttentionBias || c.ModelType == internlm2 && c.Bias
}

func (c *Config) mlpBias() bool { return c.ModelType == llama && c.MLPBias }

// Fused reports whether queries, keys and values come from one matrix, as in InternLM2.
func (c *Config) Fused() bool { return c.ModelType == internlm2 }
