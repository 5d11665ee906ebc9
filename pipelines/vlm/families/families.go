// Package families says of each family of vision-language models what its directories look like: config.json, the names of
// parameters in files and in transformers' memory, the connector, the image token, and what a picture becomes: tiles of pixels for the
// tower, and a layout of their features and of ids for the decoder.
//
// A family is one file, or a few that begin with its name, and an entry in all. Inside the program parameters have the names of
// LLaVA's published checkpoints: Vision, Connector and Language in front of what tower, connector and decoder declare.
package families

import (
	"encoding/json"
	"fmt"
	"strings"

	"moslava/internal/hfconfig"
	"moslava/language"
	"moslava/projector"
	"moslava/vision"
	"moslava/vision/preprocess"
)

// Prefixes of the parameters' names inside the program.
const (
	Vision    = "vision_tower."
	Connector = "multi_modal_projector."
	Language  = "language_model."
)

// A Family is one way to put a vision tower, a connector and a decoder together.
type Family struct {
	Name         string   // in messages
	ModelType    string   // of config.json
	Architecture string   // transformers' class of the model
	ImageToken   string   // how the image token is spelled in a tokenizer
	Words        []string // other tokens that stand beside pictures
	Connector    string   // the type of connector that transformers' class has, see projector.Config

	// Parse reads the fields of a config.json.
	Parse func(hfconfig.Fields) (*Model, error)
	// Compose writes the config.json of a model that is put together from parts.
	Compose func(Parts) ([]byte, error)
	// Joins reports why a tower cannot be joined to a decoder in this family. strategy is vision_feature_select_strategy.
	Joins func(tower *vision.Config, strategy string) error
	// Chosen are the fields of config.json that a recipe may choose differently, as the model has them; nil: there are none.
	Chosen func(*Model) map[string]any
	// TowerConfig is the vision_config that a config.json means, and DecoderConfig the text_config, each complete by itself.
	TowerConfig   func(given hfconfig.Fields) json.RawMessage
	DecoderConfig func(m *Model, given hfconfig.Fields) (json.RawMessage, error)
	// Processor are the fields of a processor_config.json for the model.
	Processor func(*Model) map[string]any
	// SeqLength is the field of config.json that says how many image tokens a picture takes; empty: there is none.
	SeqLength string
	// ImageTokens is how many features tower and connector make of a tile of h x w pixels, each of which takes an image token.
	ImageTokens func(m *Model, h, w int) int
	// Cutter reads from a directory how pictures become tiles, and how tiles become pixels.
	Cutter func(dir string, m *Model, spell Spell) (*preprocess.Config, Cutter, error)
	// FreshCutter is Cutter for the directory of a tower by itself; nil: the same.
	FreshCutter func(dir string, m *Model, spell Spell) (*preprocess.Config, Cutter, error)

	names names
}

// all are the families that are implemented.
var all = []*Family{LLaVA, SmolVLM, Idefics3}

// Named finds a family by the model_type of its config.json.
func Named(modelType string) (*Family, bool) {
	for _, f := range all {
		if f.ModelType == modelType {
			return f, true
		}
	}
	return nil, false
}

// WithConnector is the family that models put together with a type of connector are of: the first that has it, or else LLaVA, whose own
// program has more types than transformers.
func WithConnector(kind string) *Family {
	for _, f := range all {
		if f.Connector == kind {
			return f
		}
	}
	return LLaVA
}

// Model is what a config.json says of a whole model.
type Model struct {
	Family    *Family // nil: a decoder alone, without Vision and Projector
	Vision    vision.Config
	Text      language.Config
	Projector projector.Config

	ImageToken int32            // id that stands for one image feature, -1 without a vision tower
	Features   vision.Selection // hidden states of the tower that the connector gets
}

// HasVision reports whether there is a vision tower, and a connector behind it. Without them the model takes text alone.
func (m *Model) HasVision() bool { return m.Family != nil }

// ImageTokens is how many features a tile of h x w pixels has, each of which takes an image token.
func (m *Model) ImageTokens(h, w int) int { return m.Family.ImageTokens(m, h, w) }

// Strategy is the vision_feature_select_strategy.
func (m *Model) Strategy() string {
	if m.Features.Full {
		return "full"
	}
	return "default"
}

// Parts say how a model is put together from a tower and a decoder that come from different places.
type Parts struct {
	Family       *Family
	Vision, Text json.RawMessage // their config.json
	ImageToken   int32
	VocabSize    int   // after the image token was added, as padded
	Layers       []int // vision_feature_layer
	Strategy     string
	Act          string // LLaVA: between the connector's layers
	Scale        int    // of a pixel shuffle
}

// fields are the parts of a whole model's config.json: of the decoder with its new vocabulary, and of the tower.
func (p Parts) fields() (text, image hfconfig.Fields, err error) {
	if text, err = hfconfig.Parse(p.Text); err != nil {
		return nil, nil, fmt.Errorf("text config: %w", err)
	}
	tower, err := vision.Part(p.Vision)
	if err != nil {
		return nil, nil, err
	}
	if image, err = hfconfig.Parse(tower); err != nil {
		return nil, nil, fmt.Errorf("vision config: %w", err)
	}
	for _, f := range []hfconfig.Fields{text, image} {
		for _, stale := range []string{"torch_dtype", "dtype", "transformers_version"} {
			delete(f, stale)
		}
	}
	text["vocab_size"], err = json.Marshal(p.VocabSize)
	return text, image, err
}

// Parse reads the config.json of a model of any family.
func Parse(given hfconfig.Fields) (*Model, error) {
	var kind struct {
		ModelType string `json:"model_type"`
	}
	if err := given.Into(&kind); err != nil {
		return nil, err
	}
	f, ok := Named(kind.ModelType)
	if !ok {
		return nil, fmt.Errorf("model_type is %q, want %s", kind.ModelType, Known())
	}
	m, err := f.Parse(given)
	if err != nil {
		return nil, err
	}
	m.Family = f
	if m.ImageToken < 0 || int(m.ImageToken) >= m.Text.VocabSize {
		return nil, fmt.Errorf("image_token_index is %d, the vocabulary has %d", m.ImageToken, m.Text.VocabSize)
	}
	return m, nil
}

// Known lists the model types of families, for messages.
func Known() string {
	var types []string
	for _, f := range all {
		types = append(types, f.ModelType)
	}
	return strings.Join(types, " or ")
}
