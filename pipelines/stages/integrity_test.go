package stages

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"moslava/pipelines/integrity"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/run"
)

// flip changes one bit in the middle of a file, and leaves its time as it was.
func flip(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := errors.Join(os.WriteFile(path, b, 0o666), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// wrong lists what integrity.Verify finds.
func wrong(t *testing.T, dir string) []string {
	t.Helper()
	checks, err := integrity.Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range checks {
		if c.Wrong != "" {
			out = append(out, c.Path+": "+c.Wrong)
		}
	}
	if (integrity.Damage(checks) != nil) != (len(out) > 0) {
		t.Errorf("damage %v, and wrong are %q", integrity.Damage(checks), out)
	}
	return out
}

// chain aligns on data of its own, tunes, and evaluates a suite, from a model directory: everything a run can take is a
// file here.
func chain(t *testing.T) (*recipe.Recipe, string) {
	model, root := exported(t), t.TempDir()
	suite := filepath.Join(root, "suite.tsv")
	b := []byte("index\tquestion\tA\tB\tanswer\n1\twhich\tred\tblue\tA\n2\twhich one\tone\ttwo\tB\n")
	if err := os.WriteFile(suite, b, 0o666); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "run")
	text := "model: {from: " + model + "}\nstages:\n" +
		"- {kind: align, data: " + store(t, samplesWith(t, ask(t, 3))...) + ", batch: 2, steps: 3}\n" +
		"- {kind: tune, data: \"scenes:tune?n=8&seed=1\", batch: 2, steps: 2, adapters: {language: {r: 2}}}\n" +
		"- {kind: evaluate, suites: [{tsv: " + suite + ", protocol: letter-logit}]}\n"
	return recipetest.Parse(t, dir, text), dir
}

// TestFlippedBits: a flipped bit in any file that a later stage or a resume reads is noticed before it is used, and by
// integrity.Verify.
func TestFlippedBits(t *testing.T) {
	r, whole := chain(t)
	mustRun(t, r)
	if out := wrong(t, whole); len(out) > 0 {
		t.Fatalf("nothing was touched, and\n%s", strings.Join(out, "\n"))
	}
	time.Sleep(1100 * time.Millisecond) // so that hashes of what was written just now are kept, and could be believed
	mustRun(t, r)
	for _, file := range []struct {
		path   string
		remove string // a manifest whose stage is to be gone on with
	}{
		{"00-align/trained.safetensors", "02-evaluate"},
		{"01-tune/trained.safetensors", "02-evaluate"},
		{"01-tune/adapters/adapter_model.safetensors", "02-evaluate"},
		{"01-tune/adapters/adapter_config.json", "02-evaluate"},
		{"00-align/manifest.json", "01-tune"},
		{"01-tune/manifest.json", "02-evaluate"},
		{"01-tune/begun.json", "01-tune"},
		{"01-tune/state-00000002/state.json", "01-tune"},
		{"01-tune/state-00000002/params.safetensors", "01-tune"},
		{"01-tune/state-00000002/optim.safetensors", "01-tune"},
		{"01-tune/metrics.jsonl", "01-tune"},
		{"02-evaluate/suite/verdicts.jsonl", "02-evaluate"},
	} {
		t.Run(file.path, func(t *testing.T) {
			// In the same directory each time, as the recipe names it.
			kept := filepath.Join(t.TempDir(), "kept")
			if err := os.CopyFS(kept, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := errors.Join(os.RemoveAll(whole), os.Rename(kept, whole)); err != nil {
					t.Fatal(err)
				}
			}()
			if err := os.Remove(filepath.Join(whole, file.remove, "manifest.json")); err != nil {
				t.Fatal(err)
			}
			flip(t, filepath.Join(whole, file.path))
			if out := wrong(t, whole); !slices.ContainsFunc(out, func(s string) bool { return strings.Contains(s, filepath.Base(file.path)) }) {
				t.Errorf("integrity.Verify finds %q", out)
			}
			fails(t, r, filepath.Base(file.path))
		})
	}
}

// TestTakenChanged: so is one in what the run was made from, by stages that are finished as well.
func TestTakenChanged(t *testing.T) {
	r, dir := chain(t)
	mustRun(t, r)
	time.Sleep(1100 * time.Millisecond)
	mustRun(t, r)
	model := string(r.Model.From)
	var files []string
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json"} {
		files = append(files, filepath.Join(model, name))
	}
	files = append(files, string(r.Stages[2].Evaluate.Suites[0].TSV))
	data := string(r.Stages[0].Train.Sources[0].Path)
	err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flip(t, path)
		out := slices.DeleteFunc(wrong(t, dir), func(s string) bool { return strings.HasPrefix(s, path+" with its pictures: ") })
		if len(out) != 1 || !strings.Contains(out[0], path) || !strings.Contains(out[0], "has SHA-256") {
			t.Errorf("%s: integrity.Verify finds %q", path, out)
		}
		err = Run(context.Background(), r, Options{Out: new(bytes.Buffer)})
		var changed *run.ChangedError
		if !errors.As(err, &changed) || len(changed.Changes) != 1 || !strings.Contains(err.Error(), path) ||
			strings.Count(err.Error(), "SHA-256") != 2 || !strings.Contains(err.Error(), "--force") {
			t.Errorf("%s: %v", path, err)
		}
		if err := os.WriteFile(path, before, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if out := mustRun(t, r); strings.Count(out, "skipped") != 3 {
		t.Errorf("with everything as it was:\n%s", out)
	}
}

// TestForcedAfterDamage: by force a damaged stage, and what depends on it, is done again; what was there is kept.
func TestForcedAfterDamage(t *testing.T) {
	r, dir := chain(t)
	mustRun(t, r)
	flip(t, filepath.Join(dir, "01-tune", "adapters", "adapter_model.safetensors"))
	var out bytes.Buffer
	if err := Run(context.Background(), r, Options{Out: &out, Force: true}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "tune: done again by force: its file adapters/adapter_model.safetensors was SHA-256") || !strings.Contains(out.String(), "align: finished, skipped") {
		t.Errorf("forced:\n%s", &out)
	}
	if _, err := os.Stat(filepath.Join(dir, "01-tune~1", "adapters")); err != nil {
		t.Error(err)
	}
	if out := wrong(t, dir); len(out) > 0 {
		t.Errorf("afterwards %q", out)
	}
}
