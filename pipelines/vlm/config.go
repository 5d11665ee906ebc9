// Package vlm is the whole model: vision tower, projector, decoder and adapters, what turns stored
// samples into its input, and its answers. It mirrors transformers' LlavaForConditionalGeneration (5.23).
package vlm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"moslava/internal/hfconfig"
	"moslava/language"
	"moslava/projector"
	"moslava/vision"
)

// Config is a LLaVA config.json, or that of a decoder alone, without Vision and Projector.
type Config struct {
	Vision    vision.Config
	Text      language.Config
	Projector projector.Config

	ImageToken    int32 // id that stands for one image feature, -1 without a vision tower
	FeatureLayers []int // hidden states of the tower that are used, joined along the width
	Full          bool  // select strategy "full": all tokens of the tower; "default" drops each image's first

	raw hfconfig.Fields // as read, for export

	// Of an expanded decoder: which block each one comes from, and whether it was inserted.
	origin []int
	copied []bool
}

// refused are fields of a LLaVA config.json that change the numbers and have no effect here.
var refused = hfconfig.Neutral{"image_grid_pinpoints": hfconfig.Off, "image_sizes": hfconfig.Off,
	"mm_projector_type": hfconfig.Never, "use_image_newline_parameter": hfconfig.Off}

// ParseConfig reads a LLaVA config.json. Absent fields have transformers' defaults.
func ParseConfig(raw []byte) (*Config, error) {
	f := struct {
		ModelType    string          `json:"model_type"`
		ImageIndex   *int32          `json:"image_token_index"`
		ImageID      *int32          `json:"image_token_id"`
		Act          string          `json:"projector_hidden_act"`
		Bias         bool            `json:"multimodal_projector_bias"`
		Strategy     string          `json:"vision_feature_select_strategy"`
		FeatureLayer json.RawMessage `json:"vision_feature_layer"`
		Vision       json.RawMessage `json:"vision_config"`
		Text         json.RawMessage `json:"text_config"`
		Tie          *bool           `json:"tie_word_embeddings"`
	}{Act: "gelu", Bias: true, Strategy: "default", FeatureLayer: []byte("-2"), Vision: []byte("{}"), Text: []byte("{}")}
	given, err := hfconfig.Parse(raw)
	if err == nil {
		given, err = withoutQuantization(given)
	}
	if err == nil {
		err = given.Into(&f)
	}
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	if f.ModelType != "llava" {
		return nil, fmt.Errorf("config.json: model_type is %q, want %q", f.ModelType, "llava")
	}
	for _, part := range []*json.RawMessage{&f.Vision, &f.Text} {
		if len(*part) == 0 || string(*part) == "null" {
			*part = json.RawMessage("{}")
		}
	}
	c := &Config{ImageToken: 32000, Full: f.Strategy == "full", raw: given}
	if errs := refused.Check(c.raw); len(errs) > 0 {
		return nil, fmt.Errorf("config.json: %w", errors.Join(errs...))
	}
	if p := f.ImageIndex; p != nil {
		c.ImageToken = *p
	} else if f.ImageID != nil {
		c.ImageToken = *f.ImageID
	}
	if f.Strategy != "default" && f.Strategy != "full" {
		return nil, fmt.Errorf("config.json: vision_feature_select_strategy is %q, want default or full", f.Strategy)
	}
	if c.FeatureLayers, err = parseLayers(f.FeatureLayer); err != nil {
		return nil, err
	}
	if c.Vision, err = vision.ParseConfig(clipDefaults(f.Vision)); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	if c.Text, err = language.ParseConfig(f.Text); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	if f.Tie != nil && *f.Tie {
		c.Text.TieWordEmbeddings = true
	}
	c.Projector = projector.Config{Type: "mlp2x_gelu", In: c.Vision.HiddenSize * len(c.FeatureLayers), Out: c.Text.HiddenSize,
		Act: f.Act, Bias: f.Bias}
	return c, c.validate()
}

// ParseDecoderConfig reads the config.json of a decoder, which makes a model for text alone.
func ParseDecoderConfig(raw []byte) (*Config, error) {
	text, err := language.ParseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	if fields, err := hfconfig.Parse(raw); err == nil && fields[quantizationKey] != nil {
		delete(fields, quantizationKey)
		if raw, err = json.Marshal(fields); err != nil {
			return nil, err
		}
	}
	return &Config{Text: text, ImageToken: -1, raw: hfconfig.Fields{"text_config": raw}}, nil
}

// HasVision reports whether there is a vision tower, and a projector behind it. Without them the model takes text alone.
func (c *Config) HasVision() bool { return c.Vision.ModelType != "" }

// clipDefaults fills an absent or bare vision_config with what LlavaConfig takes: CLIP ViT-L/14-336.
func clipDefaults(raw json.RawMessage) json.RawMessage {
	given := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &given) != nil {
		return raw
	}
	if len(given) > 0 {
		return raw
	}
	return []byte(`{"model_type":"clip_vision_model","hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,
		"num_attention_heads":16,"image_size":336,"patch_size":14,"projection_dim":768}`)
}

func parseLayers(raw json.RawMessage) ([]int, error) {
	var one int
	if json.Unmarshal(raw, &one) == nil {
		return []int{one}, nil
	}
	var many []int
	if err := json.Unmarshal(raw, &many); err != nil || len(many) == 0 {
		return nil, fmt.Errorf("config.json: vision_feature_layer is %s, want an integer or a list of them", bytes.TrimSpace(raw))
	}
	return many, nil
}

func (c *Config) validate() error {
	if c.ImageToken < 0 || int(c.ImageToken) >= c.Text.VocabSize {
		return fmt.Errorf("config.json: image_token_index is %d, the vocabulary has %d", c.ImageToken, c.Text.VocabSize)
	}
	return nil
}

// ImageTokens is how many image tokens a picture of h x w pixels takes.
func (c *Config) ImageTokens(h, w int) int {
	n := c.Vision.Patches(h, w) + c.Vision.Extra()
	if !c.Full {
		n--
	}
	return n
}

// JSON is the configuration as it was read or assembled, with what the model has of it and set laid over it.
func (c *Config) JSON(set map[string]any) ([]byte, error) {
	out := maps.Clone(c.raw)
	tower, err := c.visionJSON(nil)
	if err != nil {
		return nil, err
	}
	out["vision_config"] = tower
	var layers any = c.FeatureLayers
	if len(c.FeatureLayers) == 1 {
		layers = c.FeatureLayers[0]
	}
	if out["vision_feature_layer"], err = json.Marshal(layers); err != nil {
		return nil, err
	}
	out["vision_feature_select_strategy"] = json.RawMessage(strconv.Quote(c.Strategy()))
	for k, v := range set {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out[k] = b
	}
	return json.MarshalIndent(out, "", "  ")
}

// Parts says how a model is put together from towers that come from different places.
type Parts struct {
	Vision, Text json.RawMessage // their config.json
	ImageToken   int32
	VocabSize    int   // after the image token was added, as padded
	Layers       []int // vision_feature_layer
	Strategy     string
	Act          string
}

// NewConfig makes the LLaVA configuration of a model put together from parts.
func NewConfig(p Parts) (*Config, error) {
	text, err := hfconfig.Parse(p.Text)
	if err != nil {
		return nil, fmt.Errorf("text config: %w", err)
	}
	tower, err := vision.Part(p.Vision)
	if err != nil {
		return nil, err
	}
	image, err := hfconfig.Parse(tower)
	if err != nil {
		return nil, fmt.Errorf("vision config: %w", err)
	}
	for _, m := range []map[string]json.RawMessage{text, image} {
		for _, k := range []string{"torch_dtype", "dtype", "transformers_version"} {
			delete(m, k)
		}
	}
	text["vocab_size"], _ = json.Marshal(p.VocabSize)
	tie := text["tie_word_embeddings"]
	if tie == nil {
		tie = json.RawMessage("false")
	}
	var layers any = p.Layers
	if len(p.Layers) == 1 {
		layers = p.Layers[0]
	}
	raw, err := json.Marshal(map[string]any{
		"architectures": []string{"LlavaForConditionalGeneration"}, "model_type": "llava",
		"image_token_index": p.ImageToken, "projector_hidden_act": p.Act, "multimodal_projector_bias": true,
		"vision_feature_layer": layers, "vision_feature_select_strategy": p.Strategy,
		"tie_word_embeddings": tie, "text_config": text, "vision_config": image,
	})
	if err != nil {
		return nil, err
	}
	return ParseConfig(raw)
}

// Strategy is the vision_feature_select_strategy.
func (c *Config) Strategy() string {
	if c.Full {
		return "full"
	}
	return "default"
}

// visionJSON is the vision_config, which says of SigLIP that there is no pooling head: its weights are not kept.
// set is laid over it.
func (c *Config) visionJSON(set map[string]any) (json.RawMessage, error) {
	m := map[string]json.RawMessage{}
	if raw := c.raw["vision_config"]; raw != nil {
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
	}
	if c.Vision.UseHead {
		m["vision_use_head"] = json.RawMessage("false")
	}
	for k, v := range set {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		m[k] = b
	}
	return json.Marshal(m)
}
