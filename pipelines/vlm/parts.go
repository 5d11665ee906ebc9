package vlm

import (
	"encoding/json"
	"fmt"

	"moslava/internal/hfconfig"
)

// Parts of a whole LLaVA model, which a recipe may name in the place of a vision tower or of a decoder.

// isWhole reports whether a config.json is a LLaVA model's, in transformers' layout.
func isWhole(raw []byte) bool {
	o, own, err := readOriginal(raw)
	return err == nil && !own && o.ModelType == "llava"
}

// towerIn is the configuration of the vision tower in a LLaVA model's; any other is raw.
func towerIn(raw []byte) ([]byte, error) {
	if !isWhole(raw) {
		return raw, nil
	}
	c, err := ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	return clipDefaults(c.raw["vision_config"]), nil
}

// decoderIn is the configuration of the decoder in a LLaVA model's, of transformers' layout or LLaVA's own; any other is raw.
func decoderIn(raw []byte) ([]byte, error) {
	if !isWhole(raw) {
		raw, err := decoderOf(raw)
		if err != nil {
			return nil, fmt.Errorf("config.json: %w", err)
		}
		return raw, nil
	}
	c, err := ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if text := c.raw["text_config"]; text != nil {
		if fields, err = hfconfig.Parse(text); err != nil {
			return nil, fmt.Errorf("config.json: text_config: %w", err)
		}
	}
	if fields["tie_word_embeddings"], err = json.Marshal(c.Text.TieWordEmbeddings); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}
