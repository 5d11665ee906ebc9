package vlm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

// spelledModel is a model of a family whose pictures are cut into tiles, in one of its spellings, and its processor.
func spelledModel(t *testing.T, name string, hub bool, set map[string]any) (*Model, *Processor) {
	t.Helper()
	dir := spelled(t, name, hub, set)
	weights, err := os.ReadFile(filepath.Join("testdata", name, "model.safetensors"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "model.safetensors"), weights, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := OpenModel(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := LoadProcessor(dir, m.Config)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// TestExportsHaveTheFieldsOfTheirFamily: config.json has the source's fields and what an export says itself, none of
// LLaVA's.
func TestExportsHaveTheFieldsOfTheirFamily(t *testing.T) {
	for _, name := range shuffledCases {
		for _, hub := range []bool{false, true} {
			m, p := spelledModel(t, name, hub, nil)
			dir := t.TempDir()
			if err := Export(dir, m, p, safetensors.F32); err != nil {
				t.Fatal(err)
			}
			source := filepath.Join("testdata", name, "config.json")
			if hub {
				source = filepath.Join("testdata", name, "config.hub.json")
			}
			want := members(t, source)
			for field := range members(t, filepath.Join(dir, ConfigFile)) {
				if _, ok := want[field]; !ok && field != "architectures" && field != "dtype" {
					t.Errorf("%s, hub %v: config.json has %s", name, hub, field)
				}
			}
			if _, err := OpenModel(dir, Options{}); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestVideoSettingsAreKept: what a directory says of videos is in its export as it was.
func TestVideoSettingsAreKept(t *testing.T) {
	sampling := map[string]any{"fps": 1., "max_frames": 64., "video_size": map[string]any{"longest_edge": 48.}}
	for _, hub := range []bool{false, true} {
		m, p := spelledModel(t, "smolvlm", hub, map[string]any{"video_sampling": sampling})
		dir := t.TempDir()
		if err := Export(dir, m, p, safetensors.F32); err != nil {
			t.Fatal(err)
		}
		got := members(t, filepath.Join(dir, "processor_config.json"))
		same(t, got["video_processor"], members(t, "testdata/smolvlm/processor_config.json")["video_processor"], !hub)
		same(t, got["image_processor"].(map[string]any)["video_sampling"], sampling, true)
		same(t, members(t, filepath.Join(dir, "preprocessor_config.json"))["video_sampling"], sampling, true)
	}
}

// same compares values of JSON; there is none if there is not to be one.
func same(t *testing.T, got, want any, there bool) {
	t.Helper()
	if !there {
		want = nil
	}
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("found %s, want %s", a, b)
	}
}

// TestTowersStandAlone: the directories of both towers say all that there is to say of them, and tensors have the names
// that transformers looks for in a tower alone.
func TestTowersStandAlone(t *testing.T) {
	for _, name := range shuffledCases {
		m, p := spelledModel(t, name, true, nil)
		dir := t.TempDir()
		if err := ExportTowers(dir, m, p, safetensors.F32); err != nil {
			t.Fatal(err)
		}
		checkTowers(t, dir, m)
		f, err := safetensors.Open(filepath.Join(dir, "vision", "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(f.Names(), func(n string) bool { return strings.HasPrefix(n, "vision_model.") }); i >= 0 {
			t.Errorf("%s: the tower has %s", name, f.Names()[i])
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// LLaVA's configuration may say at its top alone that the head shares the embedding's table.
	text := edited(t, "config.json", map[string]any{"tie_word_embeddings": true})
	tied := decoderDir(t, map[string]string{"config.json": text})
	m, p, err := Open(Spec{Towers: Towers{Vision: "../stages/testdata/tiny/vision", Language: tied,
		Projector: "mlp2x_gelu", FeatureLayers: []int{-1}, Strategy: "default"}}, Options{Random: true})
	if err != nil {
		t.Fatal(err)
	}
	part := members(t, filepath.Join(tied, "config.json"))
	delete(part, "tie_word_embeddings")
	part["vocab_size"] = m.Config.Text.VocabSize
	if m.Config.raw["text_config"], err = json.Marshal(part); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := ExportTowers(dir, m, p, safetensors.F32); err != nil {
		t.Fatal(err)
	}
	checkTowers(t, dir, m)
}

// checkTowers reads the towers of a model by themselves.
func checkTowers(t *testing.T, dir string, m *Model) {
	t.Helper()
	tower, _, err := LoadTower(filepath.Join(dir, "vision"), filepath.Join(dir, "vision", ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tower.Config.ModelType, m.Config.Vision.ModelType; got != want {
		t.Errorf("the tower's model_type is %s, want %s", got, want)
	}
	alone, err := OpenModel(filepath.Join(dir, "language"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := alone.Config.Text.TieWordEmbeddings, m.Config.Text.TieWordEmbeddings; got != want {
		t.Errorf("the decoder's tie_word_embeddings is %v, want %v", got, want)
	}
}
