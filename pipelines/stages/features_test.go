package stages

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/pipelines/recipes/recipetest"
)

// TestFeatureCache: whatever is kept, in memory or in files, wholly or in part, and after an interruption, a stage ends with the same
// bits.
func TestFeatureCache(t *testing.T) {
	frozen := []string{"stages.tune.steps=8", "stages.align.steps=14", "stages.tune.validate_every=0", "stages.align.validate_every=7", "stages.align.checkpointing=true"}
	recipe := func(set ...string) []string { return append(slices.Clone(frozen), set...) }
	plain := t.TempDir()
	mustRun(t, load(t, frozenRecipe(t), plain, recipe()...))
	want := results(t, plain)
	for name, c := range map[string]struct{ cache, says string }{
		"memory": {"1MiB", " kept in memory, 0 in files"},
		"files":  {"{disk: 1MiB}", "; 0 kept in memory, "},
		"both":   {"{memory: 4KiB, disk: 6KiB}", "feature_cache had no room for"},
	} {
		dir := t.TempDir()
		out := mustRun(t, load(t, frozenRecipe(t), dir, recipe("stages.align.feature_cache="+c.cache, "stages.tune.feature_cache="+c.cache)...))
		equal(t, results(t, dir), want)
		if !strings.Contains(out, "align: features of ") || !strings.Contains(out, "tune: features of ") || !strings.Contains(out, c.says) || strings.Contains(out, "features of 0 tiles") {
			t.Errorf("%s: the run says\n%s", name, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "00-align", featuresDir)); !os.IsNotExist(err) {
			t.Errorf("%s: files stay behind: %v", name, err)
		}
	}
	dir := t.TempDir()
	set := recipe("stages.align.feature_cache={disk: 1MiB}")
	ctx, cancel := context.WithCancel(t.Context())
	if err := Run(ctx, load(t, frozenRecipe(t), dir, set...), Options{Out: io.MultiWriter(io.Discard, &cancelAt{text: "step 7: validation", cancel: cancel})}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "00-align", featuresDir))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	damaged := filepath.Join(dir, "00-align", featuresDir, files[0].Name())
	if err := os.WriteFile(damaged, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := mustRun(t, load(t, frozenRecipe(t), dir, set...))
	equal(t, results(t, dir), want)
	if !strings.Contains(out, files[0].Name()+": 1 bytes are no features: it is computed again") {
		t.Errorf("the damaged file is not told of:\n%s", out)
	}
}

// frozenRecipe is the resume recipe without adapters on the vision tower.
func frozenRecipe(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(resumeRecipe)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, line := range strings.Split(string(b), "\n") {
		if !strings.Contains(line, "lr_vision") && !strings.Contains(line, "vision: {r") {
			lines = append(lines, strings.Replace(line, "tiny/", mustAbs(t, "testdata/tiny")+"/", 1))
		}
	}
	path := filepath.Join(t.TempDir(), "frozen.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFeatureCacheOfAdapters: a tower with adapters of an earlier stage is no frozen one, which is found before the first step.
func TestFeatureCacheOfAdapters(t *testing.T) {
	fails(t, recipetest.Parse(t, t.TempDir(), "model: {vision: tiny/vision, language: tiny/language, init: random}\nstages:\n"+
		"- {kind: tune, data: 'scenes:tune?n=8&seed=1', steps: 1, adapters: {vision: {r: 2}}}\n"+
		"- {kind: tune, name: more, data: 'scenes:tune?n=8&seed=1', steps: 1, feature_cache: 1MiB}\n"),
		"more: feature_cache: the vision tower has adapters (vision_tower.")
}
