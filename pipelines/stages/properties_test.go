package stages

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"moslava/datasets"
	"moslava/internal/checkpoint"
	"moslava/internal/kernels"
	"moslava/language"
	"moslava/pipelines/engine"
	"moslava/pipelines/inputs"
	"moslava/pipelines/metrics"
	"moslava/pipelines/models"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/run"
	"moslava/pipelines/train"
	"moslava/pipelines/vlm"
)

// after loads the model that a stage of a recipe leaves behind.
func after(t *testing.T, r *recipe.Recipe, stage string) (*vlm.Model, *vlm.Processor) {
	t.Helper()
	d, err := run.Open(string(r.RunDir), r, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	i := -1
	if stage != "" {
		_, i = r.Stage(stage)
	}
	m, p, err := models.After(r, d, i)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// logits are those of every position of a batch, frozen as for inference.
func logits(t *testing.T, m *vlm.Model, b *datasets.Batch) []float32 {
	t.Helper()
	m.Params.Freeze()
	m.Adapters.Train(false)
	x, err := m.Embed(nil, b.IDs, b.Images)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(m.Language.Logits(m.Language.Forward(nil, x, language.Rows{Offsets: b.Offsets}, nil)).Floats())
}

// greedy is what a model answers to questions about a scene.
func greedy(t *testing.T, m *vlm.Model, p *vlm.Processor) [][]int32 {
	t.Helper()
	m.Params.Freeze()
	src, err := inputs.Open("scenes:tune?n=1&seed=9", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := src.At(0)
	if err != nil {
		t.Fatal(err)
	}
	var requests []engine.Request
	for _, q := range []string{"what is it", "list the objects", "where is the circle"} {
		requests = append(requests, question(24, q, s.Pictures[0].Bytes))
	}
	return continued(t, m, p, requests)
}

// TestMergeAndExport: folding adapters in keeps the logits, an exported model answers as the run's does, and
// neither form of export loses a tensor.
func TestMergeAndExport(t *testing.T) {
	dir := t.TempDir()
	r := recipetest.Parse(t, dir, recipetest.Towers+`stages:
  - {kind: align, data: "scenes:align?n=16&seed=1", steps: 4, lr: 1e-2}
  - {kind: tune, data: "scenes:tune?n=16&seed=2", steps: 12, lr: 2e-2, adapters: {vision: {r: 4}, language: {r: 4, mixer: orthogonal}}}
  - {kind: export, name: peft, format: peft}
  - {kind: export, name: folded, format: folded}
  - {kind: export, name: unmerged}
  - {kind: export, name: xtuner, format: xtuner}
  - {kind: merge}
  - {kind: export, name: merged}
`)
	mustRun(t, r)
	adapted, p := after(t, r, "tune")
	merged, _ := after(t, r, "merge")
	b := batchesOf(t, p, "scenes:tune?n=4&seed=5", 4, 4)[0]
	want := logits(t, adapted, b)
	if g := gap(logits(t, merged, b), want, 0); g > 1e-5 {
		t.Errorf("merging moves logits by %.2g of the largest, want at most 1e-5", g)
	}
	plain, _ := after(t, r, "align")
	if g := gap(logits(t, plain, b), want, 0); g < 1e-3 {
		t.Errorf("the adapters move logits by %.2g alone: the test shows nothing", g)
	}

	ids := greedy(t, adapted, p)
	base := 0
	for range plain.Params.All() {
		base++
	}
	for _, name := range []string{"04-unmerged", "07-merged"} {
		out := filepath.Join(dir, name, "hf")
		if n := len(tensorsOf(t, filepath.Join(out, "model.safetensors"))); n != base {
			t.Errorf("%s holds %d tensors, the model has %d", name, n, base)
		}
		m, q, err := vlm.Open(vlm.Spec{Dir: out}, vlm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := greedy(t, m, q); fmt.Sprint(got) != fmt.Sprint(ids) {
			t.Errorf("%s answers\n%v\nthe run's model\n%v", name, got, ids)
		}
	}
	parts := recipetest.Parse(t, t.TempDir(), fmt.Sprintf("model: {vision: %[1]q, language: %[1]q, projector: %[1]q}\nstages: [{kind: export}]\n", filepath.Join(dir, "07-merged", "hf")))
	if joined, _ := after(t, parts, ""); !slices.Equal(logits(t, joined, b), logits(t, merged, b)) {
		t.Error("the parts of an exported model, named one by one, make another model")
	}
	projector := 4 // two linears with bias
	bare := recipetest.Parse(t, t.TempDir(), recipetest.Towers+"stages: [{kind: export}]\n")
	mustRun(t, bare)
	for name, each := range map[string]int{"02-peft/peft": 3, "03-folded/folded": 2} {
		file := filepath.Join(dir, filepath.FromSlash(name), "adapter_model.safetensors")
		if n, want := len(tensorsOf(t, file)), each*adapted.Adapters.Len()+projector; n != want {
			t.Errorf("%s holds %d tensors, want %d", name, n, want)
		}
		m, _ := after(t, r, "")
		if err := m.LoadAdapters(filepath.Dir(file)); err != nil {
			t.Fatal(err)
		}
		from := recipetest.Parse(t, t.TempDir(), fmt.Sprintf("model: {from: %s, adapters: %s}\nstages: [{kind: export}]\n", filepath.Join(string(bare.RunDir), "00-export", "hf"), filepath.Dir(file)))
		if start, _ := after(t, from, ""); gap(logits(t, start, b), want, 0) > 1e-5 || start.Adapters.Len() != 0 {
			t.Errorf("a model that starts from %s is not the tuned one merged", name)
		}
		x, _ := after(t, r, "") // XTuner's directories hold the same adapters
		if err := x.LoadAdapters(filepath.Join(dir, "05-xtuner/xtuner")); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(logits(t, x, b), want) {
			t.Error("from XTuner's directories the model computes something else")
		}
		if g := gap(logits(t, m, b), want, 0); g > 1e-5 {
			t.Errorf("%s on the base model moves logits by %.2g of the largest", name, g)
		}
	}
}

// TestAccumulation: two batches of four in a step are one of eight, to rounding.
func TestAccumulation(t *testing.T) {
	records := map[string][]metrics.Record{}
	params := map[string]map[string][]float32{}
	for name, keys := range map[string]string{"one": "batch: 8", "two": "batch: 4, accum: 2"} {
		dir := t.TempDir()
		mustRun(t, recipetest.Parse(t, dir, fmt.Sprintf("%sstages:\n  - {kind: align, data: \"scenes:align?n=32\", steps: 4, lr: 1e-3, %s}\n", recipetest.Towers, keys)))
		var err error
		if records[name], err = metrics.Read(filepath.Join(dir, "00-align", metrics.LinesFile)); err != nil {
			t.Fatal(err)
		}
		params[name] = map[string][]float32{}
		for k, x := range tensorsOf(t, filepath.Join(dir, "00-align", models.TrainedFile)) {
			params[name][k] = x.Data
		}
	}
	for i, a := range records["one"] {
		b := records["two"][i]
		if a.Targets != b.Targets || a.Tokens != b.Tokens || math.Abs(a.Loss-b.Loss) > 1e-6*a.Loss || math.Abs(a.GradNorm-b.GradNorm) > 1e-5*a.GradNorm {
			t.Errorf("step %d: %+v and %+v", a.Step, a, b)
		}
	}
	for name, a := range params["one"] {
		// An update divides a gradient by its own size, so where that is near zero rounding counts in full: four
		// steps at the rate of 1e-3 move an element by at most 4e-3.
		if g := gap(params["two"][name], a, 1); g > 1e-4 {
			t.Errorf("%s differs by %.2g", name, g)
		}
	}
}

// TestBest: the best checkpoint is that of the lowest validation loss, and gives that loss again.
func TestBest(t *testing.T) {
	dir := t.TempDir()
	r := recipetest.Parse(t, dir, recipetest.Towers+`stages:
  - {kind: pretrain, data: "scenes:align?n=20&seed=1", validation: 0.2, validate_every: 2, steps: 16, batch: 2, lr: 2, schedule: constant, save_every: 16, on_divergence: ignore}
`)
	mustRun(t, r)
	stage := filepath.Join(dir, "00-pretrain")
	records, err := metrics.Read(filepath.Join(stage, metrics.LinesFile))
	if err != nil {
		t.Fatal(err)
	}
	best, last := metrics.Record{}, records[len(records)-1]
	for _, x := range records {
		if (x.Validation != nil) != (x.Step%2 == 0) {
			t.Errorf("step %d: validation %v", x.Step, x.Validation)
		}
		if x.Validation != nil && (best.Step == 0 || *x.Validation < *best.Validation) {
			best = x
		}
	}
	if best.Step == last.Step {
		t.Fatalf("the last step is the best, at %g: the test shows nothing", *last.Validation)
	}
	var s train.State
	if err := checkpoint.ReadJSON(filepath.Join(stage, statePrefix+"00000016"), stateFile, &s); err != nil {
		t.Fatal(err)
	}
	if s.BestStep != best.Step || s.BestLoss != *best.Validation {
		t.Errorf("the state says step %d and %g, the metrics step %d and %g", s.BestStep, s.BestLoss, best.Step, *best.Validation)
	}
	m, p := after(t, r, "")
	if err := models.LoadTrained(m, filepath.Join(stage, bestDir, models.TrainedFile)); err != nil {
		t.Fatal(err)
	}
	src, err := inputs.Open("scenes:align?n=20&seed=1", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, val, err := datasets.Split(src, 0.2, r.Seed)
	if err != nil {
		t.Fatal(err)
	}
	loss, _, err := train.Evaluate(context.Background(), m, datasets.Load(context.Background(), val, p, datasets.LoadOptions{BatchSize: 2, Epochs: 1, InOrder: true}, datasets.Position{}))
	if err != nil || math.Abs(loss-*best.Validation) > 1e-6*loss {
		t.Errorf("the best model's loss is %g, %v; want %g", loss, err, *best.Validation)
	}
}

// TestRates: a tower moves as far as its own rate lets it.
func TestRates(t *testing.T) {
	dir := t.TempDir()
	r := recipetest.Parse(t, dir, recipetest.Towers+`stages:
  - {kind: pretrain, data: "scenes:align?n=16", steps: 5, batch: 2, lr: 1e-2, lr_vision: 1e-6, lr_language: 1e-4, schedule: constant, warmup_steps: 0}
`)
	mustRun(t, r)
	before, _ := after(t, r, "")
	now, _ := after(t, r, "pretrain")
	moved := map[string]float64{}
	for p := range now.Params.All() {
		if before.Unreachable(p.Name) {
			continue
		}
		part := vlm.TowerOf(p.Name)
		x := slices.Clone(p.Floats())
		kernels.Axpy(x, -1, before.Params.Get(p.Name).Floats())
		moved[part] = max(moved[part], largest(x))
	}
	for part, rate := range map[string]float64{"vision": 1e-6, "language": 1e-4, "projector": 1e-2} {
		// Adam moves an element by about the rate in each of five steps, whatever its gradient.
		if m := moved[part]; m < rate || m > 6*rate {
			t.Errorf("%s moved by %.2g at most, want 1 to 6 times its rate of %g", part, m, rate)
		}
	}
}
