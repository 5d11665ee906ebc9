package stages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/pipelines/engine"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// tilesRecipe is of a model whose pictures become tiles.
const tilesRecipe = "model: {from: smolvlm%s}\nstages:\n- {kind: tune, data: \"scenes:tune?n=4&seed=1\", batch: 2, steps: 2, adapters: {language: {r: 2}}}\n"

// TestTilesOfARecipe: fewer tiles are fewer tokens, and choices that a family does not have are errors.
func TestTilesOfARecipe(t *testing.T) {
	length := func(tiles string) int {
		t.Helper()
		r := recipetest.Parse(t, t.TempDir(), strings.Replace(strings.Replace(tilesRecipe, "%s", tiles, 1), "from: smolvlm", "from: "+mustAbs(t, "../vlm/testdata/smolvlm"), 1))
		_, p, err := models.Base(r)
		if err != nil {
			t.Fatal(err)
		}
		_, layout, err := p.Cutter.Layout(p.Pixels, 96, 72)
		if err != nil {
			t.Fatal(err)
		}
		return layout.Len()
	}
	whole, small, all := length(", tiles: {split: no}"), length(", tiles: {longest_edge: 48}"), length("")
	if whole >= small || small >= all {
		t.Errorf("a picture takes %d tokens whole, %d smaller and %d as the files say", whole, small, all)
	}
	r := recipetest.Parse(t, t.TempDir(), "model: {vision: tiny/vision, language: tiny/language, init: random, tiles: {split: no}}\n"+
		"stages:\n- {kind: align, data: \"scenes:align?n=4&seed=1\", steps: 1}\n")
	if _, _, err := models.Base(r); err == nil || !strings.Contains(err.Error(), "model.tiles: pictures of LLaVA are not cut into tiles") {
		t.Errorf("error %v", err)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// TestFreshPixelShuffle joins a SigLIP tower and a decoder by a fresh connector, trains, and asks the export, which is a SmolVLM.
func TestFreshPixelShuffle(t *testing.T) {
	dir := t.TempDir()
	tower := filepath.Join(dir, "siglip")
	for name, text := range map[string]string{
		"config.json": `{"model_type":"siglip_vision_model","hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":3,
			"image_size":32,"patch_size":8,"vision_use_head":false}`,
		"preprocessor_config.json": `{"image_processor_type":"SiglipImageProcessor","size":{"height":32,"width":32},"image_mean":[0.5,0.5,0.5],
			"image_std":[0.5,0.5,0.5],"resample":3}`,
	} {
		if err := os.MkdirAll(tower, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tower, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	model := func(more string) string {
		return "model: {vision: " + tower + ", language: tiny/language, init: random, projector: {type: pixel_shuffle}, tiles: {longest_edge: 64}" + more + "}\n"
	}
	r := recipetest.Parse(t, dir, model("")+`stages:
- {kind: align, data: "scenes:align?n=8&seed=1", batch: 2, steps: 2, lr: 1e-2}
- {kind: tune, data: "scenes:tune?n=8&seed=2", batch: 2, steps: 2, lr: 1e-2, adapters: {vision: {r: 2, mixer: orthogonal}, language: {r: 2, mixer: orthogonal}}}
- {kind: merge}
- {kind: export}
`)
	mustRun(t, r)
	m, p := after(t, r, "merge")
	export := filepath.Join(string(r.RunDir), "03-export", "hf")
	again, q, err := vlm.Open(vlm.Spec{Dir: export}, vlm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Config.Family.Name != "SmolVLM" || again.Config.Projector.Scale != 2 {
		t.Errorf("the export is a %s with %+v", again.Config.Family.Name, again.Config.Projector)
	}
	src, err := inputs.Open("scenes:tune?n=1&seed=9", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := src.At(0)
	if err != nil {
		t.Fatal(err)
	}
	requests := []engine.Request{question(6, "what is it", s.Pictures[0].Bytes)}
	ids, images, err := p.Prompt(requests[0].Messages, requests[0].Pictures)
	if err != nil || len(images) != 1 || len(images[0].Tiles) != 5 {
		t.Fatalf("%d tiles in %d tokens, error %v", len(images[0].Tiles), len(ids), err)
	}
	m.Params.Freeze()
	again.Params.Freeze()
	if got, want := continued(t, again, q, requests), continued(t, m, p, requests); !slices.Equal(got[0], want[0]) {
		t.Errorf("the export answers %v, the run's model %v", got, want)
	}

	for more, want := range map[string]string{
		", feature_layer: -2": "leave this key out",
		", image_size: 64":    "leave this key out",
	} {
		if _, err := recipes.Parse("testdata/inline.yaml", []byte("name: inline\nrun_dir: x\n"+model(more)+"stages:\n- {kind: export}\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", more, err)
		}
	}
	r = recipetest.Parse(t, dir, "model: {vision: tiny/vision, language: tiny/language, init: random, projector: {type: pixel_shuffle}}\nstages:\n- {kind: export}\n")
	if _, _, err := models.Base(r); err == nil || !strings.Contains(err.Error(), "want a SigLIP tower") {
		t.Errorf("error %v", err)
	}
}
