package adapters

import "testing"

// TestTowerOfModule: names as published and in transformers' memory, of every family.
func TestTowerOfModule(t *testing.T) {
	for module, want := range map[string]string{
		"model.vision_model.encoder.layers.0.mlp.fc1":        "vision",
		"vision_tower.vision_model.encoder.layers.0.mlp.fc1": "vision",
		"model.vision_tower.encoder.layers.0.mlp.fc1":        "vision",
		"model.connector.modality_projection.proj":           "projector",
		"multi_modal_projector.linear_1":                     "projector",
		"model.multi_modal_projector.linear_2":               "projector",
		"model.text_model.layers.0.mlp.up_proj":              "language",
		"language_model.model.layers.0.mlp.up_proj":          "language",
		"model.layers.0.self_attn.q_proj":                    "language",
	} {
		if got := towerOfModule(module); got != want {
			t.Errorf("%s is of %s, want %s", module, got, want)
		}
	}
}
