package families

import (
	"encoding/json"
	"fmt"

	"moslava/internal/hfconfig"
)

// Parts of whole models, which a recipe may name in the place of a vision tower or of a decoder.

// whole reads the config.json of a whole model in transformers' layout; m is nil if it is of anything else.
func whole(raw []byte) (m *Model, given hfconfig.Fields, err error) {
	o, own, err := readOriginal(raw)
	if err != nil || own {
		return nil, nil, nil // the next reader says what is wrong
	}
	if _, ok := Named(o.ModelType); !ok {
		return nil, nil, nil
	}
	if given, err = hfconfig.Parse(raw); err == nil {
		m, err = Parse(given)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("config.json: %w", err)
	}
	return m, given, nil
}

// TowerIn is the configuration of the vision tower in a whole model's; any other is raw.
func TowerIn(raw []byte) ([]byte, error) {
	m, given, err := whole(raw)
	if m == nil || err != nil {
		return raw, err
	}
	return m.Family.TowerConfig(given), nil
}

// DecoderIn is the configuration of the decoder in a whole model's, of transformers' layout or LLaVA's own; any other is raw.
func DecoderIn(raw []byte) ([]byte, error) {
	m, given, err := whole(raw)
	if err != nil {
		return nil, err
	}
	if m != nil {
		return m.Family.DecoderConfig(m, given)
	}
	if raw, err = decoderOf(raw); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return raw, nil
}

// Elsewhere returns an error if the config.json in dir is of a layout that leaves out the vision tower: it says how a recipe
// names the parts.
func Elsewhere(dir string, raw []byte) error {
	o, is, err := readOriginal(raw)
	if err != nil || !is {
		return nil // the next reader says what is wrong
	}
	return o.advice(dir)
}

// decoderOfWhole is the text_config, which says itself whether the embeddings are tied.
func decoderOfWhole(m *Model, given hfconfig.Fields) (json.RawMessage, error) {
	fields := hfconfig.Fields{}
	if text := given["text_config"]; text != nil {
		var err error
		if fields, err = hfconfig.Parse(text); err != nil {
			return nil, fmt.Errorf("config.json: text_config: %w", err)
		}
	}
	var err error
	if fields["tie_word_embeddings"], err = json.Marshal(m.Text.TieWordEmbeddings); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}
