package stages

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/safetensors"
	"moslava/pipelines/models"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// wideTowers are the tiny towers with rows of 64 and 128, as whole NF4 blocks need, in a model directory with weights.
func wideTowers(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, tower := range []string{"vision", "language"} {
		if err := os.CopyFS(filepath.Join(dir, tower), os.DirFS(filepath.Join("testdata/tiny", tower))); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, tower, vlm.ConfigFile)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer(`"hidden_size": 32`, `"hidden_size": 64`, `"intermediate_size": 64`, `"intermediate_size": 128`,
			`"head_dim": 16`, `"head_dim": 32`).Replace(string(b))
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	m, p, err := vlm.Open(vlm.Spec{Towers: vlm.Towers{Vision: filepath.Join(dir, "vision"), Language: filepath.Join(dir, "language"), Projector: "mlp2x_gelu", FeatureLayers: []int{-2}, Strategy: "default"}}, vlm.Options{Seed: 11, Random: true})
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "model")
	if err := vlm.Export(to, m, p, safetensors.F32); err != nil {
		t.Fatal(err)
	}
	return to
}

const quantized = `model: {from: %q, quantize: {vision: nf4, language: nf4, vocabulary: bfloat16}}
stages:
- {kind: align, data: "scenes:align?n=8", batch: 2, steps: 2}
- kind: tune
  data: "scenes:tune?n=8"
  batch: 2
  steps: 4
  lr: 1e-2
  adapters: {vision: {r: 4, dropout: 0}, language: {r: 4, dropout: 0}}
- kind: export
- {kind: export, name: adapters, format: peft}
- {kind: export, name: rounded, merge_into: rounded}
`

// TestQuantized: adapters are tuned on NF4 weights, and exported merged into the full ones.
func TestQuantized(t *testing.T) {
	model, dir := wideTowers(t), t.TempDir()
	r := recipetest.Parse(t, dir, fmt.Sprintf(quantized, model))
	out := mustRun(t, r)
	if !strings.Contains(out, "the full weights are written") {
		t.Errorf("the export does not say what is merged:\n%s", out)
	}
	before := tensorsOf(t, filepath.Join(model, "model.safetensors"))
	rounded, _ := after(t, r, "tune")
	exported := tensorsOf(t, filepath.Join(dir, "02-export/hf/model.safetensors"))
	m := fullModel(t, model, filepath.Join(dir, "01-tune"))
	if a, b := slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(exported)); !slices.Equal(a, b) {
		t.Errorf("tensors %v, want %v", b, a)
	}
	for _, name := range []string{"language_model.model.embed_tokens.weight", "vision_tower.vision_model.encoder.layers.1.mlp.fc1.weight"} {
		if !slices.Equal(before[name].Data, exported[name].Data) { // block 1 is above the feature layer
			t.Errorf("%s has changed", name)
		}
	}
	for l := range m.Params.Linears() {
		name := l.Weight.Name
		if l.Adapter == nil {
			continue
		}
		l.Merge()
		if !slices.Equal(l.Weight.Floats(), exported[name].Data) || slices.Equal(before[name].Data, exported[name].Data) {
			t.Errorf("%s is not the full weight with its adapter", name)
		}
	}
	for _, name := range []string{upWeight, "language_model.model.embed_tokens.weight", "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight"} {
		if p := rounded.Params.Get(name); !p.Rounded() || slices.Equal(p.Floats(), before[name].Data) {
			t.Errorf("%s is not rounded", name)
		}
	}
	if p := rounded.Params.Get(projection); p.Rounded() {
		t.Error("the projector is rounded")
	}
	checkRounded(t, out, dir, rounded, exported)
	if out := mustRun(t, r); strings.Count(out, "skipped") != 5 {
		t.Errorf("the same recipe again:\n%s", out)
	}
	plain := strings.Replace(quantized, ", quantize: {vision: nf4, language: nf4, vocabulary: bfloat16}", "", 1)
	plain = strings.Replace(plain, ", merge_into: rounded", "", 1)
	fails(t, recipetest.Parse(t, dir, fmt.Sprintf(plain, model)), "align", "model.quantize")
}

// TestQuantizedTooNarrow: rows that are not whole blocks are refused by name.
func TestQuantizedTooNarrow(t *testing.T) {
	fails(t, recipetest.Parse(t, t.TempDir(), "model: {vision: tiny/vision, language: tiny/language, init: random, quantize: {language: nf4}}\n"+
		"stages: {kind: align, data: \"scenes:align?n=8\", steps: 1}\n"), "layers.0.self_attn.q_proj.weight has rows of 32 elements", "bfloat16")
}

// fullModel is the model in a directory with what a stage has trained, in float32.
func fullModel(t *testing.T, dir, stage string) *vlm.Model {
	t.Helper()
	m, err := vlm.OpenModel(dir, vlm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := models.Apply(m, stage, true); err != nil {
		t.Fatal(err)
	}
	return m
}

// checkRounded compares the export merged into what rounding left with the model that was tuned, and its report with the full one.
func checkRounded(t *testing.T, out, dir string, rounded *vlm.Model, full map[string]safetensors.Tensor) {
	t.Helper()
	if !strings.Contains(out, "rounded: merged into the rounded weights of") {
		t.Errorf("the export does not say what rounding changed:\n%s", out)
	}
	got := tensorsOf(t, filepath.Join(dir, "04-rounded/hf/model.safetensors"))
	var report map[string]Rounding
	if err := checkpoint.ReadJSON(filepath.Join(dir, "04-rounded"), roundingFile, &report); err != nil {
		t.Fatal(err)
	}
	worst := map[string]float64{}
	for l := range rounded.Params.Linears() {
		name := l.Weight.Name
		if !l.Weight.Rounded() {
			continue
		}
		want := l.Weight.Floats() // a copy
		if l.Adapter != nil {
			l.Adapter.MergeInto(want)
		}
		if !slices.Equal(got[name].Data, want) {
			t.Errorf("%s is not the rounded weight with its adapter", name)
		}
		for i, v := range full[name].Data {
			worst[vlm.TowerOf(name)] = max(worst[vlm.TowerOf(name)], math.Abs(float64(got[name].Data[i])-float64(v)))
		}
	}
	for part, w := range worst {
		if r := report[part]; r.Max != w || !(r.RMS > 0 && r.RMS < r.Max && r.RMS < r.Scale) || r.Linears == 0 {
			t.Errorf("the report of %s is %+v, the largest difference %g", part, r, w)
		}
	}
}
