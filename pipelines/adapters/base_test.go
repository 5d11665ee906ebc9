package adapters_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/adapters"
	"moslava/pipelines/analysis"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/stages"
)

// The base, be it a model or a recipe, tells weights and starts; a recipe of other names or shapes is refused.
func TestAnalyze(t *testing.T) {
	dir := t.TempDir()
	text := recipetest.Towers + `stages:
- {kind: align, data: "scenes:align?n=4", batch: 2, steps: 1}
- kind: tune
  data: "scenes:tune?n=8"
  batch: 2
  steps: STEPS
  adapters: {vision: {r: 4, mixer: identity}, language: {r: 2, mixer: orthogonal}}
- {kind: tune, name: plain, from: align, data: "scenes:tune?n=8", batch: 2, steps: 3, adapters: {vision: {r: 4, mixer: none}, language: {r: 2, mixer: none}}}
- {kind: export}
`
	run := func(steps string) string {
		at := filepath.Join(dir, steps)
		mustRun(t, recipetest.Parse(t, at, strings.ReplaceAll(text, "STEPS", steps)))
		return at
	}
	at := run("3")
	tuned, plain := filepath.Join(at, "01-tune/adapters"), filepath.Join(at, "02-plain/adapters")
	file := filepath.Join(dir, "recipe.yaml")
	tiny, err := filepath.Abs(recipetest.Testdata + "/tiny")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("name: a\nseed: 3\n"+strings.ReplaceAll(strings.ReplaceAll(text, "STEPS", "3"), "tiny/", tiny+"/")), 0o666); err != nil {
		t.Fatal(err)
	}
	layers, err := adapters.Analyze(tuned, adapters.AnalyzeOptions{Base: file, Against: plain})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, l := range layers {
		seen[l.Tower]++
		// Three steps with a rate that begins at 0 move a mixer by a little, so a wrong start would be far off.
		if !(l.Drift >= 0 && l.Drift < 0.05) || math.IsNaN(l.Relative) || l.Depth < 0 || l.Similarity == nil || !(l.Gram < 0.1) {
			t.Errorf("%s: drift %v, relative %v, depth %d, gram %v", l.Module, l.Drift, l.Relative, l.Depth, l.Gram)
		}
	}
	if seen["vision"] == 0 || seen["language"] == 0 {
		t.Errorf("layers of %v", seen)
	}
	// Without a base, names are those in the file and only starts that are not drawn are known.
	layers, err = adapters.Analyze(tuned, adapters.AnalyzeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		if math.IsNaN(l.Drift) == (l.Tower == "vision") || !math.IsNaN(l.Relative) {
			t.Errorf("%s (%s): drift %v, relative %v", l.Module, l.Tower, l.Drift, l.Relative)
		}
	}
	if layers, err = adapters.Analyze(tuned, adapters.AnalyzeOptions{Start: tuned}); err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		if l.Drift != 0 {
			t.Errorf("%s has drifted by %v from itself", l.Module, l.Drift)
		}
	}
	var seed uint64 = 3
	_, err = adapters.Analyze(tuned, adapters.AnalyzeOptions{Seed: &seed})
	recipetest.Names(t, err, "only together with a base")
	_, err = adapters.Analyze(tuned, adapters.AnalyzeOptions{Seed: &seed, Start: plain})
	recipetest.Names(t, err, "given twice")
	_, err = adapters.Analyze(tuned, adapters.AnalyzeOptions{Start: plain})
	recipetest.Names(t, err, "the mixer of", "has 0 elements")
	_, err = adapters.Analyze(tuned, adapters.AnalyzeOptions{Base: filepath.Join(at, "nothing")})
	recipetest.Names(t, err, "nothing")
	var none []analysis.Layer
	none, err = adapters.Analyze(t.TempDir(), adapters.AnalyzeOptions{})
	recipetest.Names(t, err, "adapter_config.json")
	if none != nil {
		t.Error("layers of nothing")
	}
}

// mustRun runs a recipe to its end.
func mustRun(t *testing.T, r *recipe.Recipe) {
	t.Helper()
	var out bytes.Buffer
	if err := stages.Run(t.Context(), r, stages.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
}
