package answering_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/answering"
	"moslava/pipelines/inputs"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/stages"
)

const askedRecipe = `name: asked
seed: 5
model: {vision: towers/vision, language: towers/language, init: random, feature_layer: -1}
stages:
- {kind: pretrain, data: "scenes:pretrain?n=4&seed=1", batch: 2, steps: 1}
- {kind: tune, data: "scenes:tune?n=4&seed=1", batch: 2, steps: 1, lr: 0.05, adapters: {language: {r: 2}}}
- {kind: evaluate, suites: {tsv: "scenes:test?n=6&seed=1", name: seen}}
`

// askedRun writes a recipe beside its towers, does the named stages of it and gives the directory of both.
func askedRun(t *testing.T, only ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "towers"), os.DirFS(recipetest.Testdata+"/tiny")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "r.yaml"), []byte(askedRecipe), 0o666); err != nil {
		t.Fatal(err)
	}
	goOn(t, root, only...)
	return root
}

func goOn(t *testing.T, root string, only ...string) {
	t.Helper()
	r, err := recipes.Load(filepath.Join(root, "r.yaml"), "run_dir="+filepath.Join(root, "run"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stages.Run(context.Background(), r, stages.Options{Out: &bytes.Buffer{}, Only: only}); err != nil {
		t.Fatal(err)
	}
}

// recorded is the record of the recipe with other values.
func recorded(t *testing.T, root string, sets ...string) []byte {
	t.Helper()
	dir := filepath.Join(root, "run")
	r, err := recipes.Load(filepath.Join(root, "r.yaml"), append(sets, "run_dir="+dir)...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openRun opens the model of a run, and gives what is said of it.
func openRun(t *testing.T, dir string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	_, err := answering.Open(t.Context(), dir, answering.Options{Out: &out})
	return out.String(), err
}

// stamps lists all files with their sizes and times.
func stamps(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		fmt.Fprintln(&out, path, info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestModelOfARun: the last stage that is finished is taken, whatever has become of the recipe's file, and nothing is written.
func TestModelOfARun(t *testing.T) {
	root := askedRun(t, "pretrain")
	dir := filepath.Join(root, "run")
	said := func(dir string, wants ...string) {
		t.Helper()
		out, err := openRun(t, dir)
		for _, w := range wants {
			if err != nil || !strings.Contains(out, w) || strings.Count(out, "\n") != 1 {
				t.Errorf("%v, %q has no %q", err, out, w)
			}
		}
	}
	said(dir, "as stage pretrain left it", "00-pretrain")
	goOn(t, root)
	if err := os.Remove(filepath.Join(root, "r.yaml")); err != nil {
		t.Fatal(err)
	}
	before := stamps(t, root)
	said(dir, "as stage tune left it", "adapters attached")
	said(filepath.Join(dir, "00-pretrain"), "as stage pretrain left it")
	said(filepath.Join(dir, "02-evaluate"), "as stage tune left it", "02-evaluate takes it")
	if after := stamps(t, root); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(root, moved); err != nil {
		t.Fatal(err)
	}
	said(filepath.Join(moved, "run"), "as stage tune left it")
}

// TestModelOfARunChecks: a model that cannot be had any more is an error that says why.
func TestModelOfARunChecks(t *testing.T) {
	root := askedRun(t)
	dir := filepath.Join(root, "run")
	for name, tt := range map[string]struct {
		path  string
		spoil func(b []byte) []byte // nil: the file is removed
		wants []string
	}{
		"not finished":   {"run/01-tune/manifest.json", nil, []string{"01-tune: the stage is not finished"}},
		"a flipped bit":  {"run/01-tune/adapters/adapter_model.safetensors", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, []string{"adapter_model.safetensors", "SHA-256"}},
		"a lost file":    {"run/00-pretrain/trained.safetensors", nil, []string{"00-pretrain", "trained.safetensors"}},
		"another base":   {"towers/language/config.json", func(b []byte) []byte { return append(b, ' ') }, []string{"model.language", "config.json", "SHA-256"}},
		"another recipe": {"run/recipe.json", func([]byte) []byte { return recorded(t, root, "seed=6") }, []string{"seed was 5 and is 6", "another run_dir"}},
		"a damaged recipe": {"run/recipe.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`seed: 5`), []byte(`seed: 4`), 1) },
			[]string{"recipe.json is not what was written", "Remove it, and moslava run with the recipe writes it anew"}},
		"no source": {"run/recipe.json", func([]byte) []byte { return []byte(`{"name": "asked"}`) }, []string{"recipe.json", "an earlier version", "moslava run"}},
	} {
		path := filepath.Join(root, filepath.FromSlash(tt.path))
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if tt.spoil == nil {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, tt.spoil(bytes.Clone(was)), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		_, err = openRun(t, filepath.Join(dir, "01-tune"))
		recipetest.Names(t, err, tt.wants...)
		if err := os.WriteFile(path, was, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, stage := range []string{"00-pretrain", "01-tune"} {
		if err := os.Remove(filepath.Join(dir, stage, "manifest.json")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := openRun(t, dir)
	recipetest.Names(t, err, "no stage that changes the model is finished", "00-pretrain, 01-tune")
}

// TestEvaluateARun: its model is named by the stage, and verdicts by the model of another stage are not gone on with.
func TestEvaluateARun(t *testing.T) {
	root := askedRun(t)
	dir, suite := filepath.Join(root, "run"), filepath.Join(root, "run", "02-evaluate", "seen", inputs.QuestionsFile)
	for model, want := range map[string]string{dir: "run-tune-questions", filepath.Join(dir, "00-pretrain"): "run-pretrain-questions", recipetest.Testdata + "/tiny": "tiny-questions"} {
		if got, err := answering.EvaluateDir(model, suite); err != nil || got != filepath.Join("runs", want) {
			t.Errorf("%s: %q, %v", model, got, err)
		}
	}
	opt := answering.EvaluateOptions{Dir: filepath.Join(root, "out"), Out: &bytes.Buffer{}}
	for range 2 { // the second time everything is there
		if _, err := answering.Evaluate(t.Context(), dir, suite, opt); err != nil {
			t.Fatal(err)
		}
	}
	opt.Dir, opt.Force = filepath.Join(dir, "01-tune"), true
	_, err := answering.Evaluate(t.Context(), dir, suite, opt)
	recipetest.Names(t, err, "01-tune", "lies inside", "a run writes")
	opt.Dir, opt.Force = filepath.Join(root, "out"), false
	if _, err := answering.Evaluate(t.Context(), filepath.Join(dir, "00-pretrain"), suite, opt); err == nil {
		t.Error("verdicts of two models were mixed")
	}
}

// TestStageSetAside: what a changed recipe set aside can be asked still, from its directory.
func TestStageSetAside(t *testing.T) {
	root := askedRun(t)
	dir := filepath.Join(root, "run")
	again := func(set string) {
		t.Helper()
		r, err := recipes.Load(filepath.Join(root, "r.yaml"), set, "run_dir="+dir)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := stages.Run(t.Context(), r, stages.Options{Out: &out, Force: true}); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
	}
	again("stages.tune.lr=0.01")
	again("stages.pretrain.lr=0.02") // sets aside both, tune for the second time
	for at, wants := range map[string][]string{
		"01-tune~1": {"as stage tune left it, in " + filepath.Join(dir, "01-tune~1"), "adapters attached"}, // from 00-pretrain~1
		"01-tune~2": {"as stage tune left it, in " + filepath.Join(dir, "01-tune~2")},
		"01-tune":   {"as stage tune left it, in " + filepath.Join(dir, "01-tune") + ","},
	} {
		out, err := openRun(t, filepath.Join(dir, at))
		for _, w := range wants {
			if err != nil || !strings.Contains(out, w) {
				t.Errorf("%s: %v, %q has no %q", at, err, out, w)
			}
		}
	}
	weights := filepath.Join(dir, "01-tune~1", "adapters", "adapter_model.safetensors")
	b, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(weights, b, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = openRun(t, filepath.Join(dir, "01-tune~1"))
	recipetest.Names(t, err, "01-tune~1", "adapter_model.safetensors", "SHA-256")
	if err := os.Remove(filepath.Join(dir, "01-tune~2", "manifest.json")); err != nil {
		t.Fatal(err)
	}
	_, err = openRun(t, filepath.Join(dir, "01-tune~2"))
	recipetest.Names(t, err, "set aside before it was finished")
}
