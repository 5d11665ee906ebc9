package families

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"moslava/internal/hfconfig"
	"moslava/language"
	"moslava/projector"
	"moslava/vision"
)

// LLaVA is LLaVA-1.5 as transformers 5.23 has it: a square picture, one token a patch, and two linear maps between tower and
// decoder.
var LLaVA = &Family{
	Name:          "LLaVA",
	ModelType:     "llava",
	Architecture:  "LlavaForConditionalGeneration",
	ImageToken:    imageLLaVA,
	Connector:     projector.MLP,
	Parse:         parseLLaVA,
	Compose:       composeLLaVA,
	Joins:         joinsLLaVA,
	Chosen:        chosenLLaVA,
	TowerConfig:   clipDefaults,
	DecoderConfig: decoderOfWhole,
	Processor:     processorLLaVA,
	SeqLength:     "image_seq_length",
	ImageTokens:   tokensLLaVA,
	Cutter:        squareIn,
	names: names{
		memory: []prefix{
			{Language + "lm_head", "lm_head"},
			{Language + "model.", "model.language_model."},
			{Vision, "model." + Vision},
			{Connector, "model." + Connector},
		},
		bare: []string{Vision, "model." + Vision},
		own:  "model." + Vision + Vision,
		connector: []prefix{
			{Connector, "model." + Connector},
			{Connector, "base_model.model." + Connector}, // beside adapters
			{Connector, "base_model.model.model." + Connector},
			{Connector, ""},
			// LLaVA's own, of stage 1 (mm_projector.bin), in a whole model, and of runs with adapters (non_lora_trainables.bin).
			{Connector + "linear_1.", "model.mm_projector.0."}, {Connector + "linear_2.", "model.mm_projector.2."},
			{Connector + "linear_1.", "mm_projector.0."}, {Connector + "linear_2.", "mm_projector.2."},
			{Connector + "linear_1.", "base_model.model.model.mm_projector.0."},
			{Connector + "linear_2.", "base_model.model.model.mm_projector.2."},
			{Connector + "linear_1.", "model.mm_projector."}, // a single linear layer
			{Connector + "linear_1.", "mm_projector."},
			// XTuner's projector/.
			{Connector + "linear_1.", "model.0."}, {Connector + "linear_2.", "model.2."},
		},
		connectorParts: []string{Connector, "mm_projector.", "linear_1.", "linear_2."},
		besideTower:    []string{Language, "model." + Language, "lm_head.", Connector, "model." + Connector},
		besideDecoder:  []string{"model.mm_projector.", Vision, "model." + Vision, Connector, "model." + Connector},
	},
}

const imageLLaVA = "<image>"

// refusedLLaVA are fields of config.json that change the numbers and have no effect here.
var refusedLLaVA = hfconfig.Neutral{"image_grid_pinpoints": hfconfig.Off, "image_sizes": hfconfig.Off,
	"mm_projector_type": hfconfig.Never, "use_image_newline_parameter": hfconfig.Off}

// parseLLaVA reads config.json. Absent fields have transformers' defaults.
func parseLLaVA(given hfconfig.Fields) (*Model, error) {
	f := struct {
		ImageIndex   *int32          `json:"image_token_index"`
		ImageID      *int32          `json:"image_token_id"`
		Act          string          `json:"projector_hidden_act"`
		Bias         bool            `json:"multimodal_projector_bias"`
		Strategy     string          `json:"vision_feature_select_strategy"`
		FeatureLayer json.RawMessage `json:"vision_feature_layer"`
		Text         json.RawMessage `json:"text_config"`
		Tie          *bool           `json:"tie_word_embeddings"`
	}{Act: "gelu", Bias: true, Strategy: "default", FeatureLayer: []byte("-2")}
	if err := given.Into(&f); err != nil {
		return nil, err
	}
	if errs := refusedLLaVA.Check(given); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	m := &Model{ImageToken: 32000, Features: vision.Selection{Full: f.Strategy == "full"}}
	if p := f.ImageIndex; p != nil {
		m.ImageToken = *p
	} else if f.ImageID != nil {
		m.ImageToken = *f.ImageID
	}
	if f.Strategy != "default" && f.Strategy != "full" {
		return nil, fmt.Errorf("vision_feature_select_strategy is %q, want default or full", f.Strategy)
	}
	var err error
	if m.Features.Layers, err = parseLayers(f.FeatureLayer); err != nil {
		return nil, err
	}
	if m.Vision, err = vision.ParseConfig(clipDefaults(given)); err != nil {
		return nil, err
	}
	if !given.Has("text_config") {
		f.Text = []byte("{}")
	}
	if m.Text, err = language.ParseConfig(f.Text); err != nil {
		return nil, err
	}
	if f.Tie != nil && *f.Tie {
		m.Text.TieWordEmbeddings = true
	}
	m.Projector = projector.Config{Type: projector.MLP, In: m.Vision.HiddenSize * len(m.Features.Layers), Out: m.Text.HiddenSize,
		Act: f.Act, Bias: f.Bias}
	return m, nil
}

// clipDefaults is the vision_config. In the place of an absent or bare one is what LlavaConfig takes: CLIP ViT-L/14-336.
func clipDefaults(given hfconfig.Fields) json.RawMessage {
	raw := given["vision_config"]
	fields := map[string]json.RawMessage{}
	if given.Has("vision_config") && (json.Unmarshal(raw, &fields) != nil || len(fields) > 0) {
		return raw
	}
	return []byte(`{"model_type":"clip_vision_model","hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,
		"num_attention_heads":16,"image_size":336,"patch_size":14,"projection_dim":768}`)
}

// parseLayers reads vision_feature_layer: one number or several.
func parseLayers(raw json.RawMessage) ([]int, error) {
	var one int
	if json.Unmarshal(raw, &one) == nil {
		return []int{one}, nil
	}
	var many []int
	if err := json.Unmarshal(raw, &many); err != nil || len(many) == 0 {
		return nil, fmt.Errorf("vision_feature_layer is %s, want an integer or a list of them", bytes.TrimSpace(raw))
	}
	return many, nil
}

// layersField is vision_feature_layer as config.json has it: a list only if there are several.
func layersField(layers []int) any {
	if len(layers) == 1 {
		return layers[0]
	}
	return layers
}

// joinsLLaVA refuses to drop a patch of each picture, as transformers would.
func joinsLLaVA(tower *vision.Config, strategy string) error {
	if !tower.HasClass() && strategy == "default" {
		return fmt.Errorf("%s has no class token, and select strategy default would drop each picture's first patch: want full", tower.ModelType)
	}
	return nil
}

// chosenLLaVA are the layers whose features are used and which of their tokens.
func chosenLLaVA(m *Model) map[string]any {
	return map[string]any{"vision_feature_layer": layersField(m.Features.Layers), "vision_feature_select_strategy": m.Strategy()}
}

// composeLLaVA writes the config.json of a model that is put together from parts.
func composeLLaVA(p Parts) ([]byte, error) {
	text, image, err := p.fields()
	if err != nil {
		return nil, err
	}
	tie := text["tie_word_embeddings"]
	if tie == nil {
		tie = json.RawMessage("false")
	}
	return json.Marshal(map[string]any{
		"architectures": []string{p.Family.Architecture}, "model_type": p.Family.ModelType,
		"image_token_index": p.ImageToken, "projector_hidden_act": p.Act, "multimodal_projector_bias": true,
		"vision_feature_layer": layersField(p.Layers), "vision_feature_select_strategy": p.Strategy,
		"tie_word_embeddings": tie, "text_config": text, "vision_config": image,
	})
}

// processorLLaVA says of LlavaProcessor how many image tokens to put into a prompt.
func processorLLaVA(m *Model) map[string]any {
	return map[string]any{"processor_class": "LlavaProcessor", "image_token": imageLLaVA, "patch_size": m.Vision.PatchSize,
		"num_additional_image_tokens": m.Vision.Extra(), "vision_feature_select_strategy": m.Strategy()}
}

// tokensLLaVA is one for each of the tower's tokens, without the first one of each picture where the select strategy is "default".
func tokensLLaVA(m *Model, h, w int) int {
	n := m.Vision.Patches(h, w) + m.Vision.Extra()
	if !m.Features.Full {
		n--
	}
	return n
}
