package vlm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/moslora"
	"moslava/vision"
)

// ofTower is a drawn model with a tiny tower of the given type.
func ofTower(t *testing.T, kind string) *Model {
	t.Helper()
	return parsed(t, `{"model_type":"llava","image_token_index":60,"vision_feature_select_strategy":"full","vision_feature_layer":-1,
		"vision_config":{"model_type":"`+kind+`","hidden_size":16,"intermediate_size":24,"num_hidden_layers":2,"num_attention_heads":2,
			"image_size":16,"patch_size":8},
		"text_config":{"model_type":"llama","vocab_size":64,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":1,
			"num_attention_heads":2}}`)
}

// towerTypes are those that a LLaVA model may name.
func towerTypes() []string {
	return slices.DeleteFunc(vision.ModelTypes(), func(name string) bool { return name == "clip" || name == "siglip" })
}

// TestXTunersDirectoriesOfEveryTower writes adapters on each type of tower as XTuner does, under published names and under those
// that transformers has in memory, and attaches them again.
func TestXTunersDirectoriesOfEveryTower(t *testing.T) {
	for _, kind := range towerTypes() {
		m := ofTower(t, kind)
		if err := m.AttachAdapters("vision", moslora.Config{R: 2, Alpha: 4, Mixer: moslora.Kaiming, Targets: []string{"all-linear"}}, 1); err != nil {
			t.Fatal(err)
		}
		published, memory := t.TempDir(), t.TempDir()
		if err := m.SaveXTuner(published, "base"); err != nil {
			t.Fatal(err)
		}
		name := func(module string) string {
			return m.Config.Vision.MemoryName(strings.TrimPrefix(module, VisionPrefix))
		}
		dir := filepath.Join(memory, xtunerVision)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := m.Adapters.Save(dir, moslora.SaveOptions{Base: "base", Name: name}); err != nil {
			t.Fatal(err)
		}
		for spelling, dir := range map[string]string{"published": published, "in memory": memory} {
			back := ofTower(t, kind)
			if err := back.LoadAdapters(dir); err != nil {
				t.Errorf("%s, names %s: %v", kind, spelling, err)
				continue
			}
			got := map[string][]float32{}
			for a := range back.Adapters.All() {
				got[a.Module] = a.A.Floats()
			}
			if len(got) != m.Adapters.Len() {
				t.Errorf("%s, names %s: %d adapters, want %d", kind, spelling, len(got), m.Adapters.Len())
			}
			for a := range m.Adapters.All() {
				if !slices.Equal(got[a.Module], a.A.Floats()) {
					t.Errorf("%s, names %s: %s differs", kind, spelling, a.Module)
				}
			}
		}
	}
}

// TestNamesOfEveryTower: published names go to those in memory and back, and nothing that is read is called unreachable.
func TestNamesOfEveryTower(t *testing.T) {
	for _, kind := range towerTypes() {
		m := ofTower(t, kind)
		for p := range m.Params.All() {
			if back := m.PublishedName(m.MemoryName(p.Name)); back != p.Name || m.PublishedName(p.Name) != p.Name {
				t.Errorf("%s: %s is %s in memory, and back %s", kind, p.Name, m.MemoryName(p.Name), back)
			}
		}
		if m.Params.Get(VisionPrefix+m.Config.Vision.PositionName()) == nil {
			t.Errorf("%s has no %s", kind, m.Config.Vision.PositionName())
		}
		if norm := VisionPrefix + m.Config.Vision.Outputs().Norm; m.Params.Get(norm+".weight") == nil || !m.Unreachable(norm+".weight") {
			t.Errorf("%s: %s is read, or not there", kind, norm)
		}
	}
}
