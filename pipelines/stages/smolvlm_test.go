package stages

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"moslava/datasets"
	"moslava/pipelines/metrics"
	"moslava/pipelines/models"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// TestSmolVLMFromNothing runs the recipe that pre-trains, tunes, evaluates and exports a SmolVLM of a directory without
// weights: it learns, and both exports compute what the run's model does.
func TestSmolVLMFromNothing(t *testing.T) {
	dir := t.TempDir()
	r := load(t, "../../scripts/recipes/smolvlm-tiny.yaml", dir)
	mustRun(t, r)
	for stage, most := range map[string]float64{"00-pretrain": 0.6, "01-tune": 0.99} { // of the last loss, by the first
		lines, err := metrics.Read(filepath.Join(dir, stage, metrics.LinesFile))
		if err != nil || len(lines) == 0 {
			t.Fatal(len(lines), err)
		}
		if first, last := lines[0].Loss, lines[len(lines)-1].Loss; !(last <= most*first) {
			t.Errorf("%s: the loss went from %g to %g", stage, first, last)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "02-evaluate", "test", "acc.csv")); err != nil {
		t.Error(err)
	}
	tuned, p := after(t, r, "tune")
	export := filepath.Join(dir, "03-merged", "hf")
	merged, q, err := vlm.Open(vlm.Spec{Dir: export}, vlm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	folded, _ := after(t, r, "pretrain")
	if err := folded.LoadAdapters(filepath.Join(dir, "04-adapters", "folded")); err != nil {
		t.Fatal(err)
	}
	batch, again := asked(t, p, "wide", "dog"), asked(t, q, "wide", "dog")
	if !slices.Equal(batch.IDs, again.IDs) {
		t.Errorf("the export's ids are\n%v, want\n%v", again.IDs, batch.IDs)
	}
	want := logits(t, tuned, batch)
	for name, got := range map[string][]float32{"merged": logits(t, merged, again), "folded": logits(t, folded, batch)} {
		for i := range want {
			if d := math.Abs(float64(got[i] - want[i])); d > 1e-4 {
				t.Fatalf("%s: logit %d is %g, want %g", name, i, got[i], want[i])
			}
		}
	}
}

// asked is a question about pictures of pipelines/vlm's.
func asked(t *testing.T, p *vlm.Processor, pictures ...string) *datasets.Batch {
	t.Helper()
	var files [][]byte
	for _, name := range pictures {
		b, err := os.ReadFile(filepath.Join("..", "vlm", "testdata", "pictures", name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	ids, images, err := p.Prompt(vlm.Turn("which is larger?", len(files)), files)
	if err != nil {
		t.Fatal(err)
	}
	return &datasets.Batch{IDs: ids, Offsets: []int32{0, int32(len(ids))}, Images: images}
}

// TestDrawnModelNeedsNoWeights: with init random, weights that lie in the directory are not read.
func TestDrawnModelNeedsNoWeights(t *testing.T) {
	parameter := func(init string) []float32 {
		text := "model: {from: ../../vlm/testdata/smolvlm, init: " + init + "}\nstages: [{kind: export}]\n"
		m, _, err := models.Base(recipetest.Parse(t, t.TempDir(), text))
		if err != nil {
			t.Fatal(err)
		}
		return m.Params.Get("language_model.model.layers.0.mlp.up_proj.weight").Floats()
	}
	drawn := parameter("random")
	if !slices.Equal(drawn, parameter("random")) {
		t.Error("the same seed draws other weights")
	}
	if slices.Equal(drawn, parameter("load")) {
		t.Error("weights of the directory were read")
	}
}

// TestConnectorTakesTheLastLayer: of a family without a choice of layers a recipe has none either.
func TestConnectorTakesTheLastLayer(t *testing.T) {
	for _, key := range []string{"feature_layer: -2", "select_strategy: full"} {
		r := recipetest.Parse(t, t.TempDir(), "model: {from: ../../vlm/testdata/smolvlm, "+key+"}\nstages: [{kind: export}]\n")
		fails(t, r, "model.feature_layer, model.select_strategy: SmolVLM has one way to take features: leave the keys out")
	}
}
