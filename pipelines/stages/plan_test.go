package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// TestPlan plans from configurations alone, of data that is there and data that is not.
func TestPlan(t *testing.T) {
	r := recipetest.Parse(t, t.TempDir(), recipetest.Towers+`stages:
- {kind: align, data: "scenes:align?n=40", batch: 4}
- kind: tune
  data: nowhere
  batch: 2
  accum: 3
  adapters: {vision: {r: 4}, language: {r: 4, mixer: none}}
- {kind: tune, name: more, data: "scenes:tune?n=8", batch: 2, steps: 7, train: adapters}
`)
	p, err := preflight.MakePlan(context.Background(), r, preflight.PlanOptions{Text: 20, Targets: 5, Batches: 3})
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
	r := recipetest.Parse(t, t.TempDir(), alignFrom(dir, ""))
	if _, err := preflight.MakePlan(context.Background(), r, preflight.PlanOptions{Batches: 2}); err != nil {
		t.Fatal(err)
	}
	r = recipetest.Parse(t, t.TempDir(), recipetest.Towers+"stages: {kind: export}\n")
	p, err := preflight.MakePlan(context.Background(), r, preflight.PlanOptions{})
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
		p, err := preflight.MakePlan(context.Background(), recipetest.Parse(t, t.TempDir(), text), preflight.PlanOptions{})
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
