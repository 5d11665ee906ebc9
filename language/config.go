// Package language is the text side of the model: ids to next-token logits, with the weights and the numbers of
// transformers' LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM and SmolLM3ForCausalLM (5.23), and of InternLM2ForCausalLM as its
// authors publish it. It knows decoder, cache and generation. To it the features of a picture are rows of embeddings
// like others. Text becomes ids in its package tokenizer, a conversation in chat.
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

	NoRopeLayers   []int `json:"no_rope_layers"`         // SmolLM3: 0 of a layer whose queries and keys are not turned
	NoRopeInterval int   `json:"no_rope_layer_interval"` // SmolLM3: every such layer is not, where no_rope_layers is not given

	Rope Rope `json:"-"`

	kind *kind // of ModelType
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
	name := kinds[0].name
	if given.Has("model_type") {
		if err := json.Unmarshal(given["model_type"], &name); err != nil {
			return Config{}, fmt.Errorf("model_type: %w", err)
		}
	}
	k, ok := kindNamed(name)
	if !ok {
		return Config{}, fmt.Errorf("model_type is %q; implemented are %s", name, strings.Join(ModelTypes(), ", "))
	}
	c := k.defaults
	if k.window > 0 {
		window := k.window // of this configuration alone: it may be written to
		c.SlidingWindow = &window
	}
	if err := given.Into(&c); err != nil {
		return Config{}, err
	}
	c.ModelType, c.kind = name, k
	if given.Null("num_key_value_heads") {
		c.NumKeyValueHeads = 0
	}
	if k.derive != nil {
		k.derive(&c)
	}
	errs := k.refused.Check(given)
	errs = append(errs, c.sizes()...)
	if len(errs) == 0 { // what follows divides by them
		if errs = append(errs, c.turns()...); len(errs) > 0 {
			return c, errors.Join(errs...)
		}
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
	want := make([]string, c.NumHiddenLayers)
	for i := range want {
		want[i] = fullAttention
		if c.SlidingWindow != nil && c.kind.slides != nil && c.kind.slides(c, i) {
			want[i] = slidingAttention
		}
	}
	switch {
	case !given:
		c.LayerTypes = want
	case len(c.LayerTypes) != c.NumHiddenLayers:
		errs = append(errs, fmt.Errorf("layer_types has %d entries, num_hidden_layers is %d", len(c.LayerTypes), c.NumHiddenLayers))
	case !c.kind.free && !slices.Equal(c.LayerTypes, want):
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

// turns makes NoRopeLayers say of every layer whether positions turn its queries and keys; none of types in which they always do.
func (c *Config) turns() []error {
	if !c.kind.unturned {
		c.NoRopeLayers = nil
		return nil
	}
	if len(c.NoRopeLayers) == 0 { // as transformers has it, an empty list as well
		if c.NoRopeInterval < 1 {
			return []error{fmt.Errorf("no_rope_layer_interval is %d, want at least 1", c.NoRopeInterval)}
		}
		for i := range c.NumHiddenLayers {
			turned := 1
			if (i+1)%c.NoRopeInterval == 0 {
				turned = 0
			}
			c.NoRopeLayers = append(c.NoRopeLayers, turned)
		}
	}
	if n := len(c.NoRopeLayers); n != c.NumHiddenLayers {
		return []error{fmt.Errorf("no_rope_layers has %d entries, num_hidden_layers is %d", n, c.NumHiddenLayers)}
	}
	return nil
}

// turned reports whether positions turn the queries and keys of a layer.
func (c *Config) turned(layer int) bool { return c.NoRopeLayers == nil || c.NoRopeLayers[layer] != 0 }

// windowOf is how many keys a query of a layer sees, its own among them; 0 is all.
func (c *Config) windowOf(layer int) int {
	if c.LayerTypes[layer] == slidingAttention {
		return *c.SlidingWindow
	}
	return 0
}

// GiveBias sets the field of config.json that gives the layer of that name a bias, and with it all whose names have part. ok is false if
// the type has no such field.
func (c *Config) GiveBias(layer string) (field, part string, ok bool) {
	for _, g := range c.kind.gives {
		if strings.Contains(layer, g.part) {
			g.set(c)
			return g.name, g.part, true
		}
	}
	return "", "", false
}

// biases say which linears of a block have one.
func (c *Config) biases() biases {
	if c.kind.biases == nil {
		return biases{}
	}
	return c.kind.biases(c)
}

// Fused reports whether queries, keys and values come from one matrix, as in InternLM2.
func (c *Config) Fused() bool { return c.kind.fused != nil }
