// Package vlm is the whole model: vision tower, projector, decoder and adapters, and what turns stored samples and
// questions into its input. It is where vision, projector, language, moslora and datasets meet, which do not know one
// another. What a family's directories look like is in its package families, answers are made in pipelines/engine, and
// of recipes, stages and optimisers it knows nothing.
package vlm

import (
	"encoding/json"
	"fmt"
	"maps"

	"moslava/internal/hfconfig"
	"moslava/language"
	"moslava/pipelines/vlm/families"
)

// Config is the config.json of a whole model, or that of a decoder alone.
type Config struct {
	families.Model

	// Added are the ids of tokens that were added to the tokenizer when the model was opened, but for the image token.
	Added []int32

	raw      hfconfig.Fields // as read, for export
	fileRows int             // of the decoder's tables in its files, where they have fewer than the model; or 0

	// Of an expanded decoder: which block each one comes from, and whether it was inserted.
	origin []int
	copied []bool
}

// ParseConfig reads the config.json of a whole model. Absent fields have transformers' defaults.
func ParseConfig(raw []byte) (*Config, error) {
	given, err := hfconfig.Parse(raw)
	if err == nil {
		given, err = withoutQuantization(given)
	}
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	m, err := families.Parse(given)
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return &Config{Model: *m, raw: given}, nil
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
	return &Config{Model: families.Model{Text: text, ImageToken: -1}, raw: hfconfig.Fields{"text_config": raw}}, nil
}

// NewConfig makes the configuration of a model put together from parts.
func NewConfig(p families.Parts) (*Config, error) {
	raw, err := p.Family.Compose(p)
	if err != nil {
		return nil, err
	}
	return ParseConfig(raw)
}

// imageToken is how the image token is spelled. For a decoder alone it is LLaVA's, which its texts must not hold either.
func (c *Config) imageToken() string {
	if !c.HasVision() {
		return families.LLaVA.ImageToken
	}
	return c.Family.ImageToken
}

// JSON is the configuration as it was read or assembled, with what the model has of it and set laid over it.
func (c *Config) JSON(set map[string]any) ([]byte, error) {
	out := maps.Clone(c.raw)
	tower, err := c.visionJSON(nil)
	if err != nil {
		return nil, err
	}
	out["vision_config"] = tower
	if c.Family.Chosen != nil {
		if err := lay(out, c.Family.Chosen(&c.Model)); err != nil {
			return nil, err
		}
	}
	if err := lay(out, set); err != nil {
		return nil, err
	}
	return json.MarshalIndent(out, "", "  ")
}

// visionJSON is the vision_config as a whole model has it. set is laid over it.
func (c *Config) visionJSON(set map[string]any) (json.RawMessage, error) {
	return c.towerFields(c.raw["vision_config"], set)
}

// towerJSON is the config.json of the vision tower by itself.
func (c *Config) towerJSON() (json.RawMessage, error) {
	return c.towerFields(c.Family.TowerConfig(c.raw), nil)
}

// decoderFields are those of the config.json of the decoder by itself.
func (c *Config) decoderFields() (hfconfig.Fields, error) {
	raw := c.raw["text_config"]
	if c.HasVision() {
		var err error
		if raw, err = c.Family.DecoderConfig(&c.Model, c.raw); err != nil {
			return nil, err
		}
	}
	return hfconfig.Parse(raw)
}

// towerFields says of SigLIP that there is no pooling head: its weights are not kept.
func (c *Config) towerFields(raw json.RawMessage, set map[string]any) (json.RawMessage, error) {
	m := hfconfig.Fields{}
	if raw != nil {
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
	}
	if c.Vision.UseHead {
		m["vision_use_head"] = json.RawMessage("false")
	}
	if err := lay(m, set); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// lay puts fields over those of an object.
func lay(on hfconfig.Fields, fields map[string]any) error {
	for name, v := range fields {
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		on[name] = raw
	}
	return nil
}
