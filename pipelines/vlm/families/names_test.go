package families

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/hfconfig"
	"moslava/internal/safetensors"
)

// holds reports whether a file with one tensor of the stored name has the wanted one.
func holds(t *testing.T, names func(string) []string, wanted, stored string) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := safetensors.Write(path, []safetensors.Tensor{{Name: stored, Shape: []int{1}, Data: []float32{1}}}, nil); err != nil {
		t.Fatal(err)
	}
	d, err := checkpoint.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = d.Rename(names).Float32(wanted, []int{1})
	return err == nil
}

// llava is a model with a tower and a decoder of the given types.
func llava(t *testing.T, tower, decoder string) *Model {
	t.Helper()
	given, err := hfconfig.Parse([]byte(`{"model_type":"llava","image_token_index":7,"vision_config":{"model_type":"` + tower +
		`","hidden_size":768},"text_config":{"model_type":"` + decoder + `"}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Parameters under their published names, without prefix.
const (
	patch = "vision_model.embeddings.patch_embedding.weight"
	query = "encoder.layer.0.attention.attention.query.weight" // DINOv2
	norm  = "model.norm.weight"
	head  = "lm_head.weight"
)

// TestWholeModels reads models under the names of each layout: published ones, those in memory of transformers 4.52 and of 5, and
// those that save_pretrained of 5 writes.
func TestWholeModels(t *testing.T) {
	clip, dinov2 := llava(t, "clip_vision_model", "llama"), llava(t, "dinov2", "internlm2")
	for _, c := range []struct {
		m      *Model
		wanted string
		stored []string
	}{
		{clip, Vision + patch, []string{Vision + patch, "model.vision_tower." + patch, "vision_tower.embeddings.patch_embedding.weight",
			"model.vision_tower.embeddings.patch_embedding.weight"}},
		{clip, Language + norm, []string{Language + norm, "model.language_model.norm.weight"}},
		{clip, Language + head, []string{Language + head, head}},
		{clip, Connector + "linear_1.bias", []string{Connector + "linear_1.bias", "model.multi_modal_projector.linear_1.bias"}},
		{dinov2, Vision + query, []string{Vision + query, "model.vision_tower." + query}},
		{dinov2, Language + "output.weight", []string{Language + "output.weight"}},
	} {
		for _, stored := range c.stored {
			if !holds(t, c.m.Stored, c.wanted, stored) {
				t.Errorf("%s stored as %s is not found", c.wanted, stored)
			}
		}
		if n := len(c.m.Stored(c.wanted)); n != len(c.stored)-1 {
			t.Errorf("%s: %v are tried beside it, want %d", c.wanted, c.m.Stored(c.wanted), len(c.stored)-1)
		}
	}
}

// TestParts reads towers, decoders and connectors from files of their own and from those of whole models.
func TestParts(t *testing.T) {
	clip, dinov2 := llava(t, "clip_vision_model", "llama"), llava(t, "dinov2_with_registers", "internlm2")
	for _, c := range []struct {
		names  func(string) []string
		wanted string
		stored []string
	}{
		{TowerStored(&clip.Vision), patch, []string{patch, "embeddings.patch_embedding.weight", Vision + patch,
			"vision_tower.embeddings.patch_embedding.weight", "model.vision_tower.embeddings.patch_embedding.weight",
			"model.vision_tower.vision_tower." + patch}},
		{TowerStored(&dinov2.Vision), query, []string{query, "dinov2." + query, "dinov2_with_registers." + query, Vision + query,
			"model.vision_tower." + query}},
		{DecoderStored(&clip.Text), norm, []string{norm, Language + norm, "model.language_model.norm.weight"}},
		{DecoderStored(&clip.Text), head, []string{head, Language + head}},
		{DecoderStored(&dinov2.Text), "output.weight", []string{"output.weight", Language + "output.weight"}},
	} {
		for _, stored := range c.stored {
			if !holds(t, c.names, c.wanted, stored) {
				t.Errorf("%s stored as %s is not found", c.wanted, stored)
			}
		}
		if tried := c.names(c.wanted); !slices.Equal(tried[:min(len(tried), len(c.stored)-1)], c.stored[1:]) {
			t.Errorf("%s: %v are tried beside it, want first %v", c.wanted, tried, c.stored[1:])
		}
	}
}

// TestConfigOfParts: what is composed is read back as it was given, and its parts are what they were.
func TestConfigOfParts(t *testing.T) {
	raw, err := LLaVA.Compose(Parts{Family: LLaVA, Vision: json.RawMessage(`{"model_type":"siglip_vision_model","dtype":"float16"}`),
		Text:       json.RawMessage(`{"model_type":"qwen2","tie_word_embeddings":true,"vocab_size":100}`),
		ImageToken: 100, VocabSize: 128, Layers: []int{-1, -2}, Strategy: "full", Act: "gelu"})
	if err != nil {
		t.Fatal(err)
	}
	given, err := hfconfig.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	if m.Family != LLaVA || m.ImageToken != 100 || m.Text.VocabSize != 128 || !m.Text.TieWordEmbeddings || !m.Features.Full ||
		!slices.Equal(m.Features.Layers, []int{-1, -2}) || m.Projector.In != 2*768 || m.ImageTokens(224, 224) != 14*14 {
		t.Errorf("%s became %+v", raw, m)
	}
	if tower, err := TowerIn(raw); err != nil || string(tower) != `{"model_type":"siglip_vision_model"}` {
		t.Errorf("tower %s, error %v", tower, err)
	}
	if text, err := DecoderIn(raw); err != nil || string(text) != `{"model_type":"qwen2","tie_word_embeddings":true,"vocab_size":128}` {
		t.Errorf("decoder %s, error %v", text, err)
	}
}
