package families

import (
	"encoding/json"
	"fmt"
	"strings"

	"moslava/internal/hfconfig"
	"moslava/projector"
)

// original are the fields of a config.json as the LLaVA project itself writes them (llava/model/llava_arch.py, v1.5).
type original struct {
	ModelType  string          `json:"model_type"`
	Tower      *string         `json:"mm_vision_tower"`
	Width      *int            `json:"mm_hidden_size"`
	Projector  string          `json:"mm_projector_type"`
	Layer      json.RawMessage `json:"mm_vision_select_layer"`
	Feature    string          `json:"mm_vision_select_feature"`
	StartEnd   bool            `json:"mm_use_im_start_end"`
	PatchToken bool            `json:"mm_use_im_patch_token"`
	Merge      string          `json:"mm_patch_merge_type"`
}

// decoders are the model types that LLaVA's own classes have, and what they extend.
var decoders = map[string]string{"llava": "llama", "llava_llama": "llama", "llava_mistral": "mistral", "llava_qwen": "qwen2", "llava_qwen2": "qwen2"}

// readOriginal tells whether a config.json is of LLaVA's own layout, and what it says.
func readOriginal(raw []byte) (o original, is bool, err error) {
	given, err := hfconfig.Parse(raw)
	if err == nil {
		err = given.Into(&o)
	}
	if err != nil {
		return o, false, err
	}
	return o, o.Tower != nil || o.Width != nil, nil
}

// decoderOf is the configuration of the decoder in a config.json of LLaVA's own layout; any other is raw.
func decoderOf(raw []byte) ([]byte, error) {
	o, is, err := readOriginal(raw)
	if err != nil || !is {
		return raw, err
	}
	kind, ok := decoders[o.ModelType]
	if !ok {
		return nil, fmt.Errorf("model_type is %q; of LLaVA's own, llava_llama, llava_mistral and llava_qwen are implemented", o.ModelType)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	fields, err := hfconfig.Parse(raw)
	if err != nil {
		return nil, err
	}
	for name := range fields {
		if strings.HasPrefix(name, "mm_") {
			delete(fields, name)
		}
	}
	if fields["model_type"], err = json.Marshal(kind); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// check refuses fields that change numbers and are not implemented.
func (o *original) check() error {
	switch {
	case o.StartEnd:
		return fmt.Errorf("mm_use_im_start_end is true, which is not supported")
	case o.Merge != "" && o.Merge != "flat":
		return fmt.Errorf("mm_patch_merge_type is %q, only flat is supported", o.Merge)
	case o.Projector != "" && o.Projector != projector.Linear && o.Projector != projector.MLP:
		return fmt.Errorf("mm_projector_type is %q, only mlp2x_gelu and linear are supported", o.Projector)
	}
	return nil
}

// advice says how the parts of a model in LLaVA's own layout, which leaves out vision tower and image token, are named in a recipe.
func (o *original) advice(dir string) error {
	if err := o.check(); err != nil {
		return err
	}
	tower, layer, strategy := "its vision tower", "-2", "default"
	if o.Tower != nil {
		tower = *o.Tower
	}
	if len(o.Layer) > 0 {
		layer = string(o.Layer)
	}
	if o.Feature == "cls_patch" {
		strategy = "full"
	}
	kind := o.Projector
	if kind == "" {
		kind = "linear"
	}
	return fmt.Errorf("config.json is LLaVA's own, with the vision tower elsewhere; a recipe names the parts: "+
		"model: {vision: DIRECTORY OF %s, language: %s, projector: {from: %[2]s, type: %s}, feature_layer: %s, select_strategy: %s}", tower, dir, kind, layer, strategy)
}
