// Package vision is the image side of the model: pixels to patch features, with the weights and the numbers of
// transformers' CLIPVisionModel, SiglipVisionModel, Dinov2Model and Dinov2WithRegistersModel (5.23). It knows each
// tower by its configuration. Pictures are made pixels in its package preprocess. What reads the features, and which
// adapters hang on its linears, it does not know.
package vision

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/hfconfig"
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

	UseHead bool `json:"vision_use_head"` // SigLIP: the files hold a pooling head, which is read past

	// DINOv2 only.
	MLPRatio  float64 `json:"mlp_ratio"`
	QKVBias   bool    `json:"qkv_bias"`
	SwiGLU    bool    `json:"use_swiglu_ffn"`
	UseMask   bool    `json:"use_mask_token"`
	Registers int     `json:"num_register_tokens"` // of dinov2_with_registers

	act  kernels.Act
	kind *kind // of ModelType
}

// refused are fields with which a tower of the same family computes something else, and the values at which they have no effect.
var refused = hfconfig.Neutral{"num_patches": hfconfig.Never, "dropout": hfconfig.Off,
	"attention_dropout": hfconfig.Off, "hidden_dropout_prob": hfconfig.Off, "attention_probs_dropout_prob": hfconfig.Off,
	"drop_path_rate": hfconfig.Off, "qk_norm": hfconfig.Off, "rope_theta": hfconfig.Never, "use_mean_pooling": hfconfig.Off}

// Part is the vision_config of a whole CLIP or SigLIP model with the model_type that the tower has by itself; of any other
// configuration it is raw.
func Part(raw []byte) ([]byte, error) {
	var whole struct {
		ModelType string                     `json:"model_type"`
		Vision    map[string]json.RawMessage `json:"vision_config"`
	}
	given, err := hfconfig.Parse(raw)
	if err == nil {
		err = given.Into(&whole)
	}
	if err != nil {
		return nil, fmt.Errorf("vision config: %w", err)
	}
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.whole != "" && k.whole == whole.ModelType })
	if i < 0 {
		return raw, nil
	}
	if whole.Vision == nil {
		return nil, fmt.Errorf("vision config: model_type is %q and there is no vision_config", whole.ModelType)
	}
	whole.Vision["model_type"], _ = json.Marshal(kinds[i].name)
	return json.Marshal(whole.Vision)
}

// ParseConfig reads a tower's configuration. A config.json of a whole CLIP or SigLIP model is read through
// its vision_config. The error names every field that is impossible or changes numbers in a way that is not implemented.
func ParseConfig(raw []byte) (Config, error) {
	raw, err := Part(raw)
	if err != nil {
		return Config{}, err
	}
	given, err := hfconfig.Parse(raw)
	if err != nil {
		return Config{}, fmt.Errorf("vision config: %w", err)
	}
	name := kinds[0].name
	if given.Has("model_type") {
		if err := json.Unmarshal(given["model_type"], &name); err != nil {
			return Config{}, fmt.Errorf("vision config: model_type: %w", err)
		}
	}
	k, ok := kindNamed(name)
	if !ok {
		return Config{}, fmt.Errorf("vision config: model_type is %q; implemented are %s%s",
			name, strings.Join(ModelTypes(), ", "), hint(name))
	}
	c := k.defaults
	for _, side := range []string{"image_size", "patch_size"} {
		if err := square(given, side); err != nil {
			return Config{}, fmt.Errorf("vision config: %w", err)
		}
	}
	if err := given.Into(&c); err != nil {
		return Config{}, fmt.Errorf("vision config: %w", err)
	}
	c.ModelType, c.kind = name, k
	if !k.registers {
		c.Registers = 0
	}
	errs := refused.Check(given)
	if err := c.head(given); err != nil {
		errs = append(errs, err)
	}
	if k.derive != nil {
		k.derive(&c)
	}
	if err := errors.Join(append(errs, c.validate())...); err != nil {
		return Config{}, fmt.Errorf("vision config: %w", err)
	}
	return c, nil
}

// square turns a side that is given as [n, n] into n.
func square(given hfconfig.Fields, name string) error {
	var sides []int
	if json.Unmarshal(given[name], &sides) != nil || sides == nil {
		return nil // an integer, or what the next reader complains about
	}
	if len(sides) != 2 || sides[0] != sides[1] {
		return fmt.Errorf("%s is %s, only squares are supported", name, given[name])
	}
	given[name], _ = json.Marshal(sides[0])
	return nil
}

// head checks the width of a head, which DINOv2 would read.
func (c *Config) head(given hfconfig.Fields) error {
	var d int
	if !given.Has("head_dim") || json.Unmarshal(given["head_dim"], &d) == nil && d*c.NumAttentionHeads == c.HiddenSize {
		return nil
	}
	return fmt.Errorf("head_dim is %.60s, only hidden_size/num_attention_heads is supported", given["head_dim"])
}

// maxSize is the most that a size in a configuration can be.
const maxSize = 1 << 20

func (c *Config) validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		v    int
		max  int
	}{{"hidden_size", c.HiddenSize, maxSize}, {"intermediate_size", c.IntermediateSize, maxSize}, {"num_hidden_layers", c.NumHiddenLayers, 1 << 12},
		{"num_attention_heads", c.NumAttentionHeads, maxSize}, {"image_size", c.ImageSize, 1 << 14}, {"patch_size", c.PatchSize, 1 << 14}} {
		if f.v <= 0 || f.v > f.max {
			errs = append(errs, fmt.Errorf("%s is %d, want 1 to %d", f.name, f.v, f.max))
		}
	}
	if c.Registers < 0 || c.Registers > 1<<12 {
		errs = append(errs, fmt.Errorf("num_register_tokens is %d, want 0 to %d", c.Registers, 1<<12))
	}
	if len(errs) == 0 && c.HiddenSize%c.NumAttentionHeads != 0 {
		errs = append(errs, fmt.Errorf("hidden_size %d is no multiple of num_attention_heads %d", c.HiddenSize, c.NumAttentionHeads))
	}
	if len(errs) == 0 && c.PatchSize > c.ImageSize {
		errs = append(errs, fmt.Errorf("patch_size %d is more than image_size %d", c.PatchSize, c.ImageSize))
	}
	if !(c.LayerNormEps >= 0) {
		errs = append(errs, fmt.Errorf("layer_norm_eps is %g", c.LayerNormEps))
	}
	if c.NumChannels != 3 {
		errs = append(errs, fmt.Errorf("num_channels is %d, want 3", c.NumChannels))
	}
	var err error
	if c.act, err = kernels.ParseAct(c.HiddenAct); err != nil {
		errs = append(errs, fmt.Errorf("hidden_act: %w", err))
	}
	return errors.Join(errs...)
}

// HasClass reports whether the tower has a class token. SigLIP has none.
func (c *Config) HasClass() bool { return c.kind.class }

// side is the number of patches along a side of the position table.
func (c *Config) side() int { return c.ImageSize / c.PatchSize }

// Patches is the number of patches of an image of h x w pixels.
func (c *Config) Patches(h, w int) int { return (h / c.PatchSize) * (w / c.PatchSize) }

// Extra is the number of tokens that an image has beside its patches and before them: the class token and registers.
func (c *Config) Extra() int {
	if c.HasClass() {
		return 1 + c.Registers
	}
	return 0
}

// CheckSize reports whether the tower can take images of h x w pixels. Of sizes that are not its own the positions
// are interpolated.
func (c *Config) CheckSize(h, w int) error {
	if h < c.PatchSize || w < c.PatchSize {
		return fmt.Errorf("image of %dx%d pixels, patches are %dx%d", h, w, c.PatchSize, c.PatchSize)
	}
	return nil
}

// Interpolates reports whether positions are interpolated for images of h x w pixels. transformers' LLaVA does so with DINOv2;
// with CLIP and SigLIP it takes images of the tower's own size only.
func (c *Config) Interpolates(h, w int) bool {
	return c.Patches(h, w) != c.side()*c.side() || h != w
}

// TakesAnySize reports whether transformers' model interpolates without being asked to.
func (c *Config) TakesAnySize() bool { return c.kind.interpolates }

// Outputs say what transformers' model of this type returns beside hidden states.
func (c *Config) Outputs() Outputs {
	return Outputs{Norm: c.kind.names.level + c.kind.names.norm, Normed: c.kind.lastNormed, Pooled: c.kind.pooled}
}
