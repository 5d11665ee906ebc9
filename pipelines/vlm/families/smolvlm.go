package families

import (
	"encoding/json"
	"errors"
	"fmt"

	"moslava/internal/hfconfig"
	"moslava/language"
	"moslava/projector"
	"moslava/vision"
)

// SmolVLM is SmolVLM and SmolVLM2 as transformers 5.23 has them: a picture is cut into square tiles and seen whole as well, patches
// are joined by a pixel shuffle, and one linear map leads to the decoder.
var SmolVLM = shuffled("SmolVLM", "smolvlm")

// shuffled is a family of models that are made like SmolVLM; what differs are names. kind is the model_type, and the tower's
// with _vision behind it.
func shuffled(name, kind string) *Family {
	return &Family{
		Name:          name,
		ModelType:     kind,
		Architecture:  name + "ForConditionalGeneration",
		ImageToken:    "<image>",
		Words:         gridWords(),
		Connector:     projector.Shuffle,
		Parse:         func(given hfconfig.Fields) (*Model, error) { return parseShuffled(kind, given) },
		Compose:       composeShuffled,
		Joins:         joinsShuffled,
		TowerConfig:   func(given hfconfig.Fields) json.RawMessage { return towerShuffled(kind, given) },
		DecoderConfig: decoderOfWhole,
		Processor:     func(m *Model) map[string]any { return processorShuffled(name, m) },
		ImageTokens:   tokensShuffled,
		Cutter:        gridIn,
		FreshCutter:   freshGrid,
		names: names{
			files: []prefix{
				{Language + "lm_head", "lm_head"},
				{Language + "model.", "model.text_model."},
				{Vision + "vision_model.", "model.vision_model."},
				{Connector, "model.connector."},
			},
			memory: []prefix{
				{Language + "lm_head", "lm_head"},
				{Language + "model.", "model.text_model."},
				{Vision, "model.vision_model."},
				{Connector, "model.connector."},
			},
			bare: []string{"model.vision_model."},
			connector: []prefix{
				{Connector, "model.connector."},
				{Connector, "base_model.model." + Connector}, // beside adapters
				{Connector, "base_model.model.model.connector."},
			},
			connectorParts: []string{"connector."},
			besideTower:    []string{"model.text_model.", "lm_head.", "model.connector."},
			besideDecoder:  []string{"model.vision_model.", "model.connector."},
		},
	}
}

// parseShuffled reads config.json. Absent fields have transformers' defaults.
func parseShuffled(kind string, given hfconfig.Fields) (*Model, error) {
	f := struct {
		Image int32           `json:"image_token_id"`
		Scale int             `json:"scale_factor"`
		Text  json.RawMessage `json:"text_config"`
		Tie   bool            `json:"tie_word_embeddings"`
	}{Image: 128257, Scale: 2}
	if err := given.Into(&f); err != nil {
		return nil, err
	}
	m := &Model{ImageToken: f.Image, Features: vision.Selection{Layers: []int{-1}, Full: true, Normed: true}}
	var err, text error
	if m.Vision, err = vision.ParseConfig(towerShuffled(kind, given)); err == nil {
		err = fitsShuffle(&m.Vision, f.Scale)
	}
	if !given.Has("text_config") {
		f.Text = []byte(`{"model_type":"llama","rms_norm_eps":1e-5}`)
	}
	if m.Text, text = language.ParseConfig(f.Text); err != nil || text != nil {
		return nil, errors.Join(err, text)
	}
	m.Text.TieWordEmbeddings = f.Tie
	m.Projector = projector.Config{Type: projector.Shuffle, Scale: f.Scale, In: m.Vision.HiddenSize * f.Scale * f.Scale, Out: m.Text.HiddenSize}
	return m, nil
}

// fitsShuffle reports why patches of a tile cannot be joined.
func fitsShuffle(c *vision.Config, scale int) error {
	side := c.ImageSize / c.PatchSize
	if scale <= 0 || side%scale != 0 {
		return fmt.Errorf("scale_factor is %d, want a number that divides the %d patches of a side (image_size %d, patch_size %d)",
			scale, side, c.ImageSize, c.PatchSize)
	}
	return nil
}

// towerShuffled is the vision_config, in which published files call the tower by the whole model's type.
func towerShuffled(kind string, given hfconfig.Fields) json.RawMessage {
	fields := hfconfig.Fields{}
	if given.Has("vision_config") && json.Unmarshal(given["vision_config"], &fields) != nil {
		return given["vision_config"] // the next reader says what is wrong
	}
	var named string
	if !fields.Has("model_type") || json.Unmarshal(fields["model_type"], &named) == nil && named == kind {
		fields["model_type"] = json.RawMessage(`"` + kind + `_vision"`)
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return given["vision_config"]
	}
	return raw
}

// joinsShuffled wants a tower with nothing but patches: SigLIP's, and those that are made like it.
func joinsShuffled(tower *vision.Config, _ string) error {
	if tower.Extra() > 0 {
		return fmt.Errorf("%s has tokens before its patches, and a pixel shuffle joins squares of patches: want a SigLIP tower", tower.ModelType)
	}
	return nil
}

// composeShuffled writes the config.json of a model that is put together from a SigLIP tower and a decoder. The tower's fields are all
// written: transformers has other defaults for SigLIP by itself.
func composeShuffled(p Parts) ([]byte, error) {
	text, _, err := p.fields()
	if err != nil {
		return nil, err
	}
	v, err := vision.ParseConfig(p.Vision)
	if err != nil {
		return nil, err
	}
	tie := text["tie_word_embeddings"]
	if tie == nil {
		tie = json.RawMessage("false")
	}
	return json.Marshal(map[string]any{
		"architectures": []string{p.Family.Architecture}, "model_type": p.Family.ModelType, "image_token_id": p.ImageToken,
		"scale_factor": p.Scale, "tie_word_embeddings": tie, "text_config": text,
		"vision_config": map[string]any{"model_type": p.Family.ModelType + "_vision", "hidden_size": v.HiddenSize,
			"intermediate_size": v.IntermediateSize, "num_hidden_layers": v.NumHiddenLayers, "num_attention_heads": v.NumAttentionHeads,
			"num_channels": v.NumChannels, "image_size": v.ImageSize, "patch_size": v.PatchSize, "hidden_act": v.HiddenAct,
			"layer_norm_eps": v.LayerNormEps, "attention_dropout": 0.0},
	})
}

// processorShuffled says of the processor how many image tokens a tile takes.
func processorShuffled(name string, m *Model) map[string]any {
	return map[string]any{"processor_class": name + "Processor", "image_seq_len": tokensShuffled(m, m.Vision.ImageSize, m.Vision.ImageSize)}
}

// tokensShuffled is how many image tokens a tile of h x w pixels takes.
func tokensShuffled(m *Model, h, w int) int {
	p := m.Vision.PatchSize
	return m.Projector.Tokens(m.Vision.Patches(h, w), h/p, w/p)
}
