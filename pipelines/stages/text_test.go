package stages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/pipelines/adapters"
	"moslava/pipelines/answering"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/engine"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/models"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// alone is the model of recipes for text.
const alone = "model: {language: tiny/language, init: random}\n"

// textStages train a decoder alone and write it in every form.
const textStages = `stages:
- {kind: pretrain, data: {path: commonsense.json, format: llm-adapters}, batch: 3, steps: 3, lr: 1e-2}
- {kind: export, name: base}
- kind: tune
  data: {path: commonsense.json, format: llm-adapters}
  batch: 2
  steps: 8
  lr: 3e-2
  validation: 0.3
  validate_every: 4
  save_every: 2
  adapters: {language: {r: 4, mixer: orthogonal}}
- {kind: export, name: peft, format: peft}
- {kind: export, name: folded, format: folded}
- {kind: export}
- {kind: merge}
- {kind: export, name: merged}
`

// TestDecoderAlone: what is written loads again and answers as the run's model does, under the names that a decoder has.
func TestDecoderAlone(t *testing.T) {
	dir := t.TempDir()
	r := recipetest.Parse(t, dir, alone+textStages)
	mustRun(t, r)
	tuned, p := after(t, r, "tune")
	batch := textBatch(t, p)
	want := logits(t, tuned, batch)
	plain, _ := after(t, r, "pretrain")
	if g := gap(logits(t, plain, batch), want, 0); g < 1e-3 {
		t.Errorf("the adapters move logits by %.2g alone: the test shows nothing", g)
	}
	base := filepath.Join(dir, "01-base/hf")
	for _, name := range []string{"05-export/hf", "07-merged/hf"} {
		m, q := opened(t, filepath.Join(dir, name))
		if g := gap(logits(t, m, batch), want, 0); g > 1e-5 {
			t.Errorf("%s: logits are off by %.2g of the largest", name, g)
		}
		if got, want := says(t, m, q), says(t, tuned, p); got != want {
			t.Errorf("%s answers %q, the run's model %q", name, got, want)
		}
		checkDirectory(t, filepath.Join(dir, name))
	}
	for name, each := range map[string]int{"03-peft/peft": 3, "04-folded/folded": 2} {
		m, _ := opened(t, base)
		if err := m.LoadAdapters(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if g := gap(logits(t, m, batch), want, 0); g > 1e-5 {
			t.Errorf("%s: logits are off by %.2g of the largest", name, g)
		}
		tensors := tensorsOf(t, filepath.Join(dir, name, "adapter_model.safetensors"))
		if len(tensors) != each*tuned.Adapters.Len() {
			t.Errorf("%s holds %d tensors for %d adapters", name, len(tensors), tuned.Adapters.Len())
		}
		for key := range tensors {
			if !strings.HasPrefix(key, "base_model.model.model.layers.") {
				t.Errorf("%s holds %s", name, key)
			}
		}
		var cfg struct {
			Save    []string `json:"modules_to_save"`
			Targets []string `json:"target_modules"`
		}
		if err := checkpoint.ReadJSON(filepath.Join(dir, name), "adapter_config.json", &cfg); err != nil || len(cfg.Save) > 0 || !slices.Contains(cfg.Targets, "model.layers.0.self_attn.q_proj") {
			t.Errorf("%s: %v, %+v", name, err, cfg)
		}
	}
	layers, err := adapters.Analyze(filepath.Join(dir, "03-peft/peft"), adapters.AnalyzeOptions{Base: base})
	if err != nil || len(layers) != tuned.Adapters.Len() || layers[0].Tower != "language" || math.IsNaN(layers[0].Relative) {
		t.Errorf("%v, %d layers", err, len(layers))
	}
	fails(t, recipetest.Parse(t, t.TempDir(), fmt.Sprintf("model: {from: %q}\nstages:\n- {kind: evaluate, suites: {tsv: commonsense.json, protocol: llm-adapters}}\n", base)),
		"model.from", "is a decoder alone (model_type llama)", "model.language")
}

// checkDirectory looks for what a decoder's directory must and must not hold.
func checkDirectory(t *testing.T, dir string) {
	t.Helper()
	for name := range tensorsOf(t, filepath.Join(dir, "model.safetensors")) {
		if !strings.HasPrefix(name, "model.layers.") && name != "model.embed_tokens.weight" && name != "model.norm.weight" {
			t.Errorf("%s holds %s", dir, name)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	if want := []string{"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}; !slices.Equal(files, want) {
		t.Errorf("%s holds %v, want %v", dir, files, want)
	}
	var cfg map[string]any
	if err := checkpoint.ReadJSON(dir, "config.json", &cfg); err != nil || cfg["model_type"] != "llama" || cfg["vocab_size"] != 576.0 || cfg["dtype"] != "float32" {
		t.Errorf("%v, %v", err, cfg)
	}
	for file, never := range map[string]string{"config.json": "image", "tokenizer_config.json": "image_token"} {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err != nil || bytes.Contains(b, []byte(never)) {
			t.Errorf("%s: %v, %s", file, err, b)
		}
	}
}

// opened reads a model's directory.
func opened(t *testing.T, dir string) (*vlm.Model, *vlm.Processor) {
	t.Helper()
	a, err := answering.Open(t.Context(), dir, answering.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a.Model, a.Processor
}

func textBatch(t *testing.T, p *vlm.Processor) *datasets.Batch {
	t.Helper()
	return batchesOf(t, p, "testdata/commonsense.json", 4, 4)[0]
}

// says is what a model answers to two questions.
func says(t *testing.T, m *vlm.Model, p *vlm.Processor) string {
	t.Helper()
	return fmt.Sprint(continued(t, m, p, []engine.Request{question(12, "is ice colder than steam?"), question(12, "what is it")}))
}

// TestIdleTower: a vision tower that sees no picture changes nothing of what the decoder's adapters become, to the bit, where the vocabulary
// has the image token already: everything is drawn by its name.
func TestIdleTower(t *testing.T) {
	stages := `stages:
- {kind: tune, data: {path: commonsense.json, format: llm-adapters}, train: adapters, batch: 2, steps: 5, lr: 1e-2, adapters: {language: {r: 4, mixer: kaiming, dropout: 0.1}}}
`
	var models []*vlm.Model
	for _, model := range []string{alone, recipetest.Towers} {
		r := recipetest.Parse(t, t.TempDir(), model+stages)
		mustRun(t, r)
		m, _ := after(t, r, "tune")
		models = append(models, m)
	}
	if models[0].Vision != nil || models[1].Vision == nil {
		t.Fatal("the models do not differ by a tower")
	}
	idle := map[string][]float32{}
	for p := range models[1].Adapters.Params() {
		idle[p.Name] = p.Floats()
	}
	n := 0
	for p := range models[0].Adapters.Params() {
		n++
		if !slices.EqualFunc(p.Floats(), idle[p.Name], func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if n == 0 || n != len(idle) {
		t.Errorf("%d and %d parameters", n, len(idle))
	}
}

// TestTextResumes: a run that is stopped goes on and leaves what one leaves that is not.
func TestTextResumes(t *testing.T) {
	whole, torn := t.TempDir(), t.TempDir()
	mustRun(t, recipetest.Parse(t, whole, alone+textStages))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := &cancelAt{text: "step 4: validation", cancel: cancel}
	if err := Run(ctx, recipetest.Parse(t, torn, alone+textStages), Options{Out: stop}); !errors.Is(err, context.Canceled) {
		t.Fatalf("the run was not stopped: %v", err)
	}
	mustRun(t, recipetest.Parse(t, torn, alone+textStages))
	equal(t, results(t, torn), results(t, whole))
}

// TestPicturesForADecoder: a sample, a suite or a question with a picture is an error that names it and says what is missing.
func TestPicturesForADecoder(t *testing.T) {
	const why = "the model is a decoder alone: name a vision tower in model.vision"
	tune := alone + "stages:\n- {kind: tune, data: %q, batch: 2, steps: 2, train: adapters, adapters: {language: {r: 2}}}\n"
	fails(t, recipetest.Parse(t, t.TempDir(), fmt.Sprintf(tune, "scenes:tune?n=6&seed=1")), "stage tune", "scenes/train/level3:1 (id train-3-000001)", why)
	ask := alone + "stages:\n- {kind: evaluate, suites: {tsv: %q, name: asked}}\n"
	fails(t, recipetest.Parse(t, t.TempDir(), fmt.Sprintf(ask, "scenes:test?n=6&seed=1")), "suite asked: item", why)
	r := recipetest.Parse(t, t.TempDir(), alone+"stages:\n- {kind: export}\n")
	m, p, err := models.Base(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Features(nil, []datasets.Tile{{H: 8, W: 8}}); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("features: %v", err)
	}
	e := engine.New(m, p, engine.Limits{})
	if _, err := e.Do(t.Context(), []engine.Request{question(2, "what", []byte("picture"))}); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("a question: %v", err)
	}
}

// TestEvaluateDecoder asks a decoder's directory commonsense questions and a table of options without pictures.
func TestEvaluateDecoder(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, recipetest.Parse(t, dir, alone+"stages:\n- {kind: pretrain, data: {path: commonsense.json, format: llm-adapters}, batch: 3, steps: 2}\n- {kind: export}\n"))
	table := filepath.Join(dir, "plain.tsv")
	if err := os.WriteFile(table, []byte("index\tquestion\tA\tB\tanswer\n0\tis ice colder than steam?\tyes\tno\tA\n1\tdo fish breathe through feathers?\tyes\tno\tB\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		suite, protocol, file string
		n                     int
	}{{"testdata/commonsense.json", "", protocols.LLMAdapters, 2}, {table, "letter-logit", "letter-logit", 2}, {table, "", "vlmevalkit-2024.06", 2}} {
		res := evaluated(t, filepath.Join(dir, "01-export/hf"), c.suite, answering.EvaluateOptions{Protocol: c.protocol, Limit: 2, Dir: t.TempDir()})
		if res.Protocol != c.file || res.Overall.N != c.n {
			t.Errorf("%s: %d questions under %s", c.suite, res.Overall.N, res.Protocol)
		}
	}
	suite := filepath.Join(dir, "pictures.tsv")
	if err := atomicfile.WriteFile(suite, func(w io.Writer) error { return scenes.WriteSuite(w, "test?n=6&seed=1") }); err != nil {
		t.Fatal(err)
	}
	_, err := answering.Evaluate(context.Background(), filepath.Join(dir, "01-export/hf"), suite, answering.EvaluateOptions{Dir: t.TempDir(), Out: io.Discard})
	recipetest.Names(t, err, "suite pictures: item", "model.vision")
}

// TestPlanOfText: data that is not there is taken to be text, and nothing is counted of a tower.
func TestPlanOfText(t *testing.T) {
	r := recipetest.Parse(t, t.TempDir(), alone+"stages:\n- {kind: tune, data: nowhere, batch: 2, adapters: {language: {r: 4}}}\n")
	p, err := preflight.MakePlan(context.Background(), r, preflight.PlanOptions{Text: 20, Targets: 5, Batches: 3})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Stages[0]
	if s.Tokens != 40 || s.Images != 0 || s.Parameters["vision"]+s.Parameters["projector"] != 0 || !strings.Contains(s.Assumed[0], "samples of 20 text tokens") {
		t.Errorf("%+v", s)
	}
	var text bytes.Buffer
	if err := p.Write(&text); err != nil || strings.Contains(text.String(), "vision") || !strings.Contains(text.String(), "language") {
		t.Errorf("%v, %s", err, &text)
	}
}
