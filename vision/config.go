// Package vision is the image side of the model: pixels to patch features, with the weights and
// the numbers of transformers' CLIPVisionModel and Dinov2Model (5.23).
package vision

import (
	"encoding/json"
	"errors"
	"fmt"

	"moslava/internal/kernels"
)

// Config is what shapes a tower, read from the vision_config of a LLaVA config.json or from the
// config.json of a tower alone. Absent fields have transformers' defaults.
type Config struct {
	ModelType         string `json:"model_type"`
	HiddenSize        int    `json:"hidden_size"`
	IntermediateSize  int    `json:"intermediate_size"`
	NumHiddenLayers   int    `json:"num_hidden_layers"`
	NumAttentionHeads int    `json:"num_attention_heads"`
	NumChannels       int    `json:"num_channels"`
	ImageSize         int    `json:"image_size"`
	PatchSize         int    `json:"patch_size"`

	HiddenAct    string  `json:"hidden_act"`
	LayerNormEps float64 `json:"layer_norm_eps"`

	// Dinov2 only.
	MLPRatio    float64 `json:"mlp_ratio"`
	QKVBias     bool    `json:"qkv_bias"`
	SwiGLU      bool    `json:"use_swiglu_ffn"`
	UseMask     bool    `json:"use_mask_token"`
	DropPath    float64 `json:"drop_path_rate"`
	HiddenDrop  float64 `json:"hidden_dropout_prob"`
	AttnDropOut float64 `json:"attention_probs_dropout_prob"`

	AttentionDropout float64 `json:"attention_dropout"` // CLIP only

	act kernels.Act
}

// Model types that are implemented.
const (
	clipType   = "clip_vision_model"
	dinov2Type = "dinov2"
)

// ParseConfig reads a tower's configuration. A config.json of a whole CLIP model is read through
// its vision_config.
func ParseConfig(raw []byte) (Config, error) {
	var kind struct {
		ModelType string          `json:"model_type"`
		Vision    json.RawMessage `json:"vision_config"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return Config{}, fmt.Errorf("vision config: %w", err)
	}
	if kind.ModelType == "clip" && kind.Vision != nil {
		raw, kind.ModelType = kind.Vision, clipType
	}
	var c Config
	switch kind.ModelType {
	case clipType, "":
		c = Config{HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, NumChannels: 3,
			ImageSize: 224, PatchSize: 32, HiddenAct: "quick_gelu", LayerNormEps: 1e-5}
	case dinov2Type:
		c = Config{HiddenSize: 768, NumHiddenLayers: 12, NumAttentionHeads: 12, NumChannels: 3, MLPRatio: 4,
			ImageSize: 224, PatchSize: 14, HiddenAct: "gelu", LayerNormEps: 1e-6, QKVBias: true, UseMask: true}
	default:
		return Config{}, fmt.Errorf("vision config: model_type is %q; implemented are %s and %s", kind.ModelType, clipType, dinov2Type)
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return Config{}, fmt.Errorf("vision config: %w", err)
	}
	if c.ModelType = kind.ModelType; c.ModelType == "" {
		c.ModelType = clipType
	}
	if c.ModelType == dinov2Type {
		c.IntermediateSize = int(float64(c.HiddenSize) * c.MLPRatio)
	}
	if err := c.validate(); err != nil {
		return Config{}, fmt.Errorf("vision config: %w", err)
	}
	return c, nil
}

func (c *Config) validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		v    int
	}{{"hidden_size", c.HiddenSize}, {"intermediate_size", c.IntermediateSize}, {"num_hidden_layers", c.NumHiddenLayers},
		{"num_attention_heads", c.NumAttentionHeads}, {"image_size", c.ImageSize}, {"patch_size", c.PatchSize}} {
		if f.v <= 0 || f.v > 1<<20 {
			errs = append(errs, fmt.Errorf("%s is %d, want 1 to %d", f.name, f.v, 1<<20))
		}
	}
	if len(errs) == 0 && c.HiddenSize%c.NumAttentionHeads != 0 {
		errs = append(errs, fmt.Errorf("hidden_size %d is no multiple of num_attention_heads %d", c.HiddenSize, c.NumAttentionHeads))
	}
	if c.NumChannels != 3 {
		errs = append(errs, fmt.Errorf("num_channels is %d, want 3", c.NumChannels))
	}
	if c.SwiGLU {
		errs = append(errs, errors.New("use_swiglu_ffn is true, which is not supported"))
	}
	for name, v := range map[string]float64{"drop_path_rate": c.DropPath, "hidden_dropout_prob": c.HiddenDrop,
		"attention_probs_dropout_prob": c.AttnDropOut, "attention_dropout": c.AttentionDropout} {
		if v != 0 {
			errs = append(errs, fmt.Errorf("%s is %g, only 0 is supported", name, v))
		}
	}
	var err error
	if c.act, err = kernels.ParseAct(c.HiddenAct); err != nil {
		errs = append(errs, fmt.Errorf("hidden_act: %w", err))
	}
	return errors.Join(errs...)
}

// Patches is the number of patch features of an image of h x w pixels.
func (c *Config) Patches(h, w int) int { return (h / c.PatchSize) * (w / c.PatchSize) }

// CheckSize reports whether the tower can take images of h x w pixels.
func (c *Config) CheckSize(h, w int) error {
	if h < c.PatchSize || w < c.PatchSize {
		return fmt.Errorf("image of %dx%d pixels, patches are %dx%d", h, w, c.PatchSize, c.PatchSize)
	}
	if c.ModelType == clipType && (h != c.ImageSize || w != c.ImageSize) {
		return fmt.Errorf("image of %dx%d pixels, %s has positions for %dx%d", h, w, clipType, c.ImageSize, c.ImageSize)
	}
	return nil
}
