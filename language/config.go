// Package language is the text side of the model: ids to next-token logits, with the weights and
// the numbers of transformers' LlamaForCausalLM, MistralForCausalLM and Qwen2ForCausalLM (5.23).
package language

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
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
	AttentionBias         bool    `json:"attention_bias"`
	MLPBias               bool    `json:"mlp_bias"`
	AttentionDropout      float64 `json:"attention_dropout"`
	SlidingWindow         int     `json:"sliding_window"`
	UseSlidingWindow      *bool   `json:"use_sliding_window"`

	RopeTheta      float64 `json:"rope_theta"`
	RopeScaling    *Rope   `json:"rope_scaling"`    // transformers 4
	RopeParameters *Rope   `json:"rope_parameters"` // transformers 5
}

// Rope is how rotary angles are scaled.
type Rope struct {
	Type       string  `json:"rope_type"`
	OldType    string  `json:"type"`
	Theta      float64 `json:"rope_theta"`
	Factor     float64 `json:"factor"`
	LowFreq    float64 `json:"low_freq_factor"`
	HighFreq   float64 `json:"high_freq_factor"`
	OriginalMP float64 `json:"original_max_position_embeddings"`
}

// ParseConfig reads a decoder's configuration.
func ParseConfig(raw []byte) (Config, error) {
	var kind struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return Config{}, fmt.Errorf("text config: %w", err)
	}
	c := Config{ModelType: "llama", VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 11008, NumHiddenLayers: 32,
		NumAttentionHeads: 32, HiddenAct: "silu", RMSNormEps: 1e-6, MaxPositionEmbeddings: 2048, RopeTheta: 10000}
	switch kind.ModelType {
	case "llama", "":
	case "mistral":
		c.IntermediateSize, c.NumKeyValueHeads, c.SlidingWindow, c.MaxPositionEmbeddings = 14336, 8, 4096, 131072
	case "qwen2":
		c.VocabSize, c.IntermediateSize, c.MaxPositionEmbeddings, c.SlidingWindow = 151936, 22016, 32768, 4096
		c.NumKeyValueHeads = 32
	default:
		return Config{}, fmt.Errorf("text config: model_type is %q; implemented are llama, mistral and qwen2", kind.ModelType)
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &given); err != nil {
		return Config{}, fmt.Errorf("text config: %w", err)
	}
	if string(given["sliding_window"]) == "null" {
		c.SlidingWindow = 0
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return Config{}, fmt.Errorf("text config: %w", err)
	}
	c.fill()
	if err := c.validate(); err != nil {
		return Config{}, fmt.Errorf("text config: %w", err)
	}
	return c, nil
}

// fill derives what other fields imply.
func (c *Config) fill() {
	if c.ModelType == "" {
		c.ModelType = "llama"
	}
	if c.NumKeyValueHeads == 0 {
		c.NumKeyValueHeads = c.NumAttentionHeads
	}
	if c.HeadDim == 0 && c.NumAttentionHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumAttentionHeads
	}
	if c.RopeParameters == nil {
		c.RopeParameters = c.RopeScaling
	}
	if c.RopeParameters == nil {
		c.RopeParameters = &Rope{}
	}
	r := c.RopeParameters
	if r.Type == "" {
		r.Type = r.OldType
	}
	if r.Type == "" {
		r.Type = "default"
	}
	if r.Theta == 0 {
		r.Theta = c.RopeTheta
	}
	on := c.ModelType == "mistral" || c.ModelType == "qwen2" && c.UseSlidingWindow != nil && *c.UseSlidingWindow
	if !on {
		c.SlidingWindow = 0
	}
}

func (c *Config) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, f := range []struct {
		name string
		v    int
	}{{"vocab_size", c.VocabSize}, {"hidden_size", c.HiddenSize}, {"intermediate_size", c.IntermediateSize},
		{"num_hidden_layers", c.NumHiddenLayers}, {"num_attention_heads", c.NumAttentionHeads},
		{"num_key_value_heads", c.NumKeyValueHeads}, {"head_dim", c.HeadDim}} {
		if f.v <= 0 || f.v > 1<<24 {
			fail("%s is %d, want 1 to %d", f.name, f.v, 1<<24)
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
	if c.AttentionDropout != 0 {
		fail("attention_dropout is %g, only 0 is supported", c.AttentionDropout)
	}
	if c.ModelType == "qwen2" && c.SlidingWindow > 0 {
		fail("use_sliding_window is true, which is not supported for qwen2")
	}
	switch r := c.RopeParameters; r.Type {
	case "default":
	case "llama3":
		if r.Factor <= 0 || r.LowFreq <= 0 || r.HighFreq <= r.LowFreq || r.OriginalMP <= 0 {
			fail("rope_type llama3 has factor %g, low_freq_factor %g, high_freq_factor %g, original_max_position_embeddings %g",
				r.Factor, r.LowFreq, r.HighFreq, r.OriginalMP)
		}
	default:
		fail("rope_type is %q; implemented are default and llama3", r.Type)
	}
	return errors.Join(errs...)
}

// qkvBias and outBias say which attention projections have biases: Qwen2 has them on q, k and v only.
func (c *Config) qkvBias() bool { return c.AttentionBias || c.ModelType == "qwen2" }
func (c *Config) outBias() bool { return c.AttentionBias && c.ModelType != "qwen2" }

// invFreq is the angle per position of each pair of a head, [HeadDim/2].
func (c *Config) invFreq() []float32 {
	r := c.RopeParameters
	f := make([]float32, c.HeadDim/2)
	for i := range f {
		f[i] = float32(1 / math.Pow(r.Theta, float64(2*i)/float64(c.HeadDim)))
		if r.Type == "llama3" {
			f[i] = float32(r.llama3(float64(f[i])))
		}
	}
	return f
}

// llama3 divides low frequencies by the factor, leaves high ones, and goes smoothly between
// (transformers modeling_rope_utils._compute_llama3_parameters).
func (r *Rope) llama3(f float64) float64 {
	wave := 2 * math.Pi / f
	switch {
	case wave < r.OriginalMP/r.HighFreq:
		return f
	case wave > r.OriginalMP/r.LowFreq:
		return f / r.Factor
	}
	s := (r.OriginalMP/wave - r.LowFreq) / (r.HighFreq - r.LowFreq)
	return (1-s)*f/r.Factor + s*f
}
