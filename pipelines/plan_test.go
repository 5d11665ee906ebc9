package pipelines

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/kernels"
	"moslava/internal/safetensors"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// TestPlan plans from configurations alone, of data that is there and data that is not.
func TestPlan(t *testing.T) {
	r := parse(t, t.TempDir(), towers+`stages:
- {kind: align, data: "scenes:align?n=40", batch: 4}
- kind: tune
  data: nowhere
  batch: 2
  accum: 3
  adapters: {vision: {r: 4}, language: {r: 4, mixer: none}}
- {kind: tune, name: more, data: "scenes:tune?n=8", batch: 2, steps: 7, train: adapters}
`)
	p, err := MakePlan(context.Background(), r, PlanOptions{Text: 20, Targets: 5, Batches: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Stages) != 3 {
		t.Fatalf("%d stages are planned", len(p.Stages))
	}
	align, tune, more := p.Stages[0], p.Stages[1], p.Stages[2]
	m, _ := tinyModel(t)
	projector := 0
	for q := range m.Params.All() {
		if vlm.TowerOf(q.Name) == "projector" {
			projector += q.Size()
		}
	}
	if align.Trainable["projector"] != projector || align.Trainable["language"] != 0 || align.Steps != 10 || align.Batches != 3 || len(align.Assumed) != 0 {
		t.Errorf("align: %+v, the projector has %d", align, projector)
	}
	if tune.Tokens != 2*3*(20+16) || tune.Targets != 30 || tune.Steps != 1 || tune.Batches != 0 || len(tune.Assumed) != 2 || !strings.Contains(tune.Assumed[0], "nowhere") {
		t.Errorf("tune: %+v", tune)
	}
	if more.Trainable["projector"] != 0 || more.Trainable["language"] != tune.Trainable["language"] || more.Trainable["vision"] == 0 || more.Steps != 7 {
		t.Errorf("more: %+v", more)
	}
	var text bytes.Buffer
	if err := p.Write(&text); err != nil || !strings.Contains(text.String(), "inline on ") || !strings.Contains(text.String(), "more (tune)") {
		t.Errorf("%v, %s", err, &text)
	}
	if b, err := json.Marshal(p); err != nil || !bytes.Contains(b, []byte(`"optimiser":`)) {
		t.Errorf("%v, %s", err, b)
	}
}

// TestPlanOfADirectory needs its configuration and tokenizer and no weights.
func TestPlanOfADirectory(t *testing.T) {
	dir := exported(t)
	if err := os.Remove(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	r := parse(t, t.TempDir(), alignFrom(dir, ""))
	if _, err := MakePlan(context.Background(), r, PlanOptions{Batches: 2}); err != nil {
		t.Fatal(err)
	}
	r = parse(t, t.TempDir(), towers+"stages: {kind: export}\n")
	p, err := MakePlan(context.Background(), r, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := p.Write(&text); err != nil || p.Memory == nil || p.Memory.Need == 0 || !strings.Contains(text.String(), "trains nothing") || !strings.Contains(text.String(), "stage export") {
		t.Errorf("%v, %s", err, &text)
	}
}

// TestHolding: stages that train nothing take memory for the model, fewer bits less, and an export of full weights all of it.
func TestHolding(t *testing.T) {
	needs := func(quantize, stage string) int64 {
		t.Helper()
		text := "model: {vision: tiny/vision, language: tiny/language, init: random, feature_layer: -1" + quantize + "}\nstages: " + stage
		p, err := MakePlan(context.Background(), parse(t, t.TempDir(), text), PlanOptions{})
		if err == nil {
			err = p.Err()
		}
		if err != nil {
			t.Fatal(err)
		}
		return p.Memory.Need
	}
	const nf4, asks = ", quantize: {language: nf4, vision: nf4, vocabulary: bfloat16}", `{kind: evaluate, suites: {tsv: "scenes:test?n=6&seed=1", name: s}}`
	full := needs("", asks)
	for _, stage := range []string{asks, "{kind: export, merge_into: rounded}"} {
		if got := needs(nf4, stage); got >= full {
			t.Errorf("%s takes %d bytes rounded and %d in full", stage, got, full)
		}
	}
	if got := needs(nf4, "{kind: export}"); got != full {
		t.Errorf("an export of full weights takes %d bytes, want %d", got, full)
	}
}

// TestFileKinds: parts whose files have half precision, until a stage changes them.
func TestFileKinds(t *testing.T) {
	write := func(types ...safetensors.DType) recipe.Path {
		dir := t.TempDir()
		var tensors []safetensors.Tensor
		for i, d := range types {
			tensors = append(tensors, safetensors.Tensor{Name: string(rune('a' + i)), DType: d, Shape: []int{2}, Data: []float32{1, 2}})
		}
		if err := checkpoint.Save(dir, tensors, 1<<20, nil); err != nil {
			t.Fatal(err)
		}
		return recipe.Path(dir)
	}
	half, brain, mixed := write(safetensors.F16, safetensors.F16), write(safetensors.BF16), write(safetensors.F16, safetensors.F32)
	stages := []recipe.Stage{
		{Kind: recipe.Align, Name: "a", Train: &recipe.TrainConfig{Train: []string{recipe.PartProjector}}},
		{Kind: recipe.Pretrain, Name: "b", From: "a", Train: &recipe.TrainConfig{Train: []string{recipe.PartVision}}},
		{Kind: recipe.Tune, Name: "c", From: "b", Train: &recipe.TrainConfig{Train: []string{recipe.PartAdapters}}},
		{Kind: recipe.Merge, Name: "d", From: "c"},
		{Kind: recipe.Tune, Name: "e", From: "d", Train: &recipe.TrainConfig{}},
	}
	type kinds = map[string]kernels.Kind
	for _, c := range []struct {
		model recipe.Model
		stage int
		want  kinds
	}{
		{recipe.Model{Vision: half, Language: brain}, 0, kinds{recipe.PartVision: kernels.F16, recipe.PartLanguage: kernels.BF16}},
		{recipe.Model{Vision: half, Language: brain}, 1, kinds{recipe.PartVision: kernels.F16, recipe.PartLanguage: kernels.BF16}},
		{recipe.Model{Vision: half, Language: brain}, 2, kinds{recipe.PartLanguage: kernels.BF16}},
		{recipe.Model{Vision: half, Language: brain}, 4, kinds{}},
		{recipe.Model{Vision: mixed, Language: half}, 0, kinds{recipe.PartLanguage: kernels.F16}},
		{recipe.Model{From: half}, 0, kinds{recipe.PartVision: kernels.F16, recipe.PartProjector: kernels.F16, recipe.PartLanguage: kernels.F16}},
		{recipe.Model{From: half}, 1, kinds{recipe.PartVision: kernels.F16, recipe.PartLanguage: kernels.F16}},
		{recipe.Model{From: half, Init: "random"}, 0, kinds{}},
		{recipe.Model{From: "nowhere"}, 0, kinds{}},
	} {
		r := &recipe.Recipe{Model: c.model, Stages: stages}
		if got := fileKinds(r, &r.Stages[c.stage]); !maps.Equal(got, c.want) {
			t.Errorf("%+v, stage %d: %v, want %v", c.model, c.stage, got, c.want)
		}
	}
}
