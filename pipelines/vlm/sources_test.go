package vlm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/safetensors"
	"moslava/pipelines/vlm/families"
)

// spread writes the parts of a model to directories of their own: a whole CLIP model, and a decoder with the projector in LLaVA's own
// layout.
func spread(t *testing.T, m *Model, extra ...safetensors.Tensor) Towers {
	t.Helper()
	dir := t.TempDir()
	towers := Towers{Vision: filepath.Join(dir, "clip"), Language: filepath.Join(dir, "llava"), Projector: "mlp2x_gelu",
		ProjectorFrom: filepath.Join(dir, "llava")}
	image := tensors(m.Params, VisionPrefix, safetensors.F32)
	for _, name := range []string{"text_model.final_layer_norm.weight", "logit_scale", "visual_projection.weight"} {
		image = append(image, safetensors.Tensor{Name: name, Shape: []int{1}, Data: []float32{1}})
	}
	text := tensors(m.Params, LanguagePrefix, safetensors.F32)
	for _, p := range tensors(m.Params, ProjectorPrefix, safetensors.F32) {
		p.Name = "model.mm_projector." + map[string]string{"1": "0.", "2": "2."}[p.Name[7:8]] + p.Name[9:]
		text = append(text, p)
	}
	for to, list := range map[string][]safetensors.Tensor{towers.Vision: image, towers.Language: append(text, extra...)} {
		if err := checkpoint.Save(to, list, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	return towers
}

func TestTowersFromDifferentPlaces(t *testing.T) {
	m := open(t, "llava-tiny")
	src, err := assembly{Towers: spread(t, m)}.sources(m.Config, m.Config.Text.VocabSize)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	got, err := New(m.Config, src.tensors, Storage{})
	if err != nil {
		t.Fatal(err)
	}
	for p := range m.Params.All() {
		if !slices.Equal(p.Floats(), got.Params.Get(p.Name).Floats()) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if left := src.unexpected(m.Config, nil); len(left) > 0 {
		t.Errorf("unexpected tensors %v", left)
	}
}

func TestAllThatIsWrongWithTowersIsOneError(t *testing.T) {
	m := open(t, "llava-tiny")
	towers := spread(t, m, safetensors.Tensor{Name: "model.layers.9.strange", Shape: []int{1}, Data: []float32{1}},
		safetensors.Tensor{Name: "model.mm_projector.4.weight", Shape: []int{1}, Data: []float32{1}})
	src, err := assembly{Towers: towers}.sources(m.Config, m.Config.Text.VocabSize)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	cfg := *m.Config
	cfg.Text.IntermediateSize++
	cfg.Vision.NumHiddenLayers++
	_, err = New(&cfg, src.tensors, Storage{})
	err = checkpoint.Mismatch("towers", err, src.unexpected(&cfg, err))
	for _, want := range []string{"encoder.layers.3.mlp.fc1.weight", "model.layers.2.mlp.down_proj.weight is", "unexpected  model.layers.9.strange in " + towers.Language} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestProjectorsFromElsewhere(t *testing.T) {
	m := open(t, "llava-tiny")
	for layout, rename := range map[string]*strings.Replacer{
		"mm_projector":     strings.NewReplacer("linear_1", "model.mm_projector.0", "linear_2", "model.mm_projector.2"),
		"non_lora":         strings.NewReplacer("linear_1", "base_model.model.model.mm_projector.0", "linear_2", "base_model.model.model.mm_projector.2"),
		"xtuner":           strings.NewReplacer("linear_1", "model.0", "linear_2", "model.2"),
		"published":        strings.NewReplacer("linear_", "multi_modal_projector.linear_"),
		"in memory":        strings.NewReplacer("linear_", "model.multi_modal_projector.linear_"),
		"alone":            strings.NewReplacer(),
		"beside adapters":  strings.NewReplacer("linear_", "base_model.model.multi_modal_projector.linear_"),
		"in memory beside": strings.NewReplacer("linear_", "base_model.model.model.multi_modal_projector.linear_"),
	} {
		file := filepath.Join(t.TempDir(), "projector.safetensors")
		list := tensors(m.Params, ProjectorPrefix, safetensors.F32)
		for i := range list {
			list[i].Name = rename.Replace(list[i].Name)
		}
		if err := safetensors.Write(file, list, nil); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{file, filepath.Dir(file)} {
			d, err := OpenProjector(path)
			if err != nil {
				t.Fatal(err)
			}
			w := m.Params.Get(ProjectorPrefix + "linear_2.weight")
			got, err := d.Float32(w.Name, w.Shape)
			if err != nil || !slices.Equal(got, w.Floats()) {
				t.Errorf("%s: %v, or other numbers", layout, err)
			}
			d.Close()
		}
	}
}

func TestProjectorRefusals(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		`{"model_type":"projector","depth":3}`:           "depth is 3",
		`{"model_type":"projector","hidden_act":"relu"}`: `hidden_act is "relu"`,
		`{"model_type":"projector","bias":false}`:        "bias is false",
	} {
		write("config.json", text)
		if _, err := OpenProjector(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	if _, err := OpenProjector("testdata/llava-tiny/golden.safetensors"); err == nil || !strings.Contains(err.Error(), "no projector") {
		t.Errorf("error %v", err)
	}
}

func TestLLaVAsOwnConfig(t *testing.T) {
	const own = `{"model_type":"llava_llama","mm_vision_tower":"openai/clip-vit-large-patch14-336","mm_hidden_size":1024,
		"mm_projector_type":"mlp2x_gelu","mm_vision_select_layer":-2,"mm_vision_select_feature":"patch","vocab_size":32000`
	raw, err := families.DecoderIn([]byte(own + "}"))
	if err != nil || strings.Contains(string(raw), "mm_") || !strings.Contains(string(raw), `"model_type":"llama"`) {
		t.Errorf("%s, %v", raw, err)
	}
	for extra, want := range map[string]string{
		`,"mm_use_im_start_end":true}`:            "mm_use_im_start_end",
		`,"mm_patch_merge_type":"spatial_unpad"}`: "spatial_unpad",
		`,"mm_projector_type":"mlp3x_gelu"}`:      "mlp3x_gelu",
		`,"model_type":"llava_mpt"}`:              "llava_mpt",
	} {
		if _, err := families.DecoderIn([]byte(own + extra)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", extra, err, want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(own+"}"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenModel(dir, Options{}); err == nil || !strings.Contains(err.Error(), "vision: DIRECTORY OF openai/clip-vit-large-patch14-336, language: "+dir) {
		t.Errorf("error %v", err)
	}
}

// FuzzKind: whatever a config.json says, its kind is found and read, or there is an error.
func FuzzKind(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `{"model_type":"llava"}`, `{"model_type":"clip","vision_config":{"hidden_size":8}}`, `{"model_type":"gpt2"}`,
		`{"model_type":"llava_llama","mm_vision_tower":"x","mm_vision_select_layer":-2}`, `{"model_type":"siglip_vision_model"}`, `{"model_type":"internlm2"}`,
		`{"model_type":"llava","text_config":{"model_type":"qwen2"},"vision_config":{"model_type":"dinov2"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		kind, err := Kind(raw)
		if (err == nil) != (kind != "") {
			t.Errorf("kind %q, error %v", kind, err)
		}
		families.Elsewhere("dir", raw)
		if text, err := families.DecoderIn(raw); err == nil && kind == "language" {
			if _, err := Kind(text); err != nil {
				t.Errorf("%s became %s: %v", raw, text, err)
			}
		}
		if kind == "llava" {
			ParseConfig(raw)
		}
	})
}
