package study

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"moslava/pipelines/metrics"
)

// baseText is a recipe of two random towers of two layers and width 32, on a handful of drawn scenes.
const baseText = `name: base
seed: 1
model: {vision: %[1]s/vision, language: %[1]s/language, init: random}
stages:
  - kind: align
    data: scenes:align?n=8&seed=1
    steps: 2
    batch: 2
  - kind: tune
    data: scenes:tune?n=20&seed=2
    limit: 20
    batch: 2
    epochs: 1
    validation: 0.2
    save_every: 1
    adapters:
      vision: {r: 4, mixer: none}
      language: {r: 4, mixer: none}
  - kind: evaluate
    suites:
      - {tsv: "scenes:test?n=6&seed=3", name: test}
      - {tsv: "scenes:test?n=6&seed=3", name: blank, blank: true}
`

const studyText = `name: small
base: base.yaml
run_dir: run
baseline: lora
methods:
  - {name: lora, adapters: mixer=none}
  - {name: mixed, adapters: [mixer=orthogonal, dropout=0], keys: clip=0.5}
seeds: [1, 2]
learning_rates: [1e-2, 1e-3]
fractions: [0.5, 1]
fraction_seeds: 2
bootstrap: {draws: 200}
`

// small writes a study and its base recipe to a directory and returns the study's path.
func small(t *testing.T, dir, study string) string {
	t.Helper()
	tiny, err := filepath.Abs("../stages/testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"base.yaml": fmt.Sprintf(baseText, tiny), "study.yaml": study} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "study.yaml")
}

// runStudy runs a study in a directory to its end, or to that of ctx.
func runStudy(ctx context.Context, t *testing.T, path string, opt Options) (string, error) {
	t.Helper()
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	opt.Out = &out
	err = Run(ctx, s, opt)
	return out.String(), err
}

// A study that is stopped again and again gives what one gives that is not, and nothing is done twice.
func TestResume(t *testing.T) {
	whole, torn := t.TempDir(), t.TempDir()
	out, err := runStudy(context.Background(), t, small(t, whole, studyText), Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out, "8 of 8 cells are finished") { // 2 methods: 2 rates, 1 more seed, 1 with half of the data
		t.Errorf("the study says\n%s", out)
	}
	path, sittings := small(t, torn, studyText), 0
	for ; sittings < 200; sittings++ {
		out, err := runStudy(context.Background(), t, path, Options{Limit: time.Second})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(out, "8 of 8 cells are finished") && !strings.Contains(out, "stopped after") {
			break
		}
	}
	if sittings == 0 || sittings == 200 {
		t.Fatalf("%d sittings", sittings+1)
	}
	for _, name := range []string{summaryFile, ratesFile} {
		a, errA := os.ReadFile(filepath.Join(whole, "run/report", name))
		b, errB := os.ReadFile(filepath.Join(torn, "run/report", name))
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs\n%s\nafter %d sittings\n%s", name, a, sittings+1, b)
		}
	}
	out, err = runStudy(context.Background(), t, path, Options{})
	if err != nil || strings.Contains(out, "cells ") && strings.Contains(out, "learning rates") {
		t.Errorf("a finished study does something: %v\n%s", err, out)
	}
	sameOrder(t, whole)
}

// sameOrder checks that methods saw the same batches with the same seed, and others with another.
func sameOrder(t *testing.T, dir string) {
	t.Helper()
	tokens := map[string][]int64{} // by seed
	for _, seed := range []string{"s1", "s2"} {
		logs, err := filepath.Glob(filepath.Join(dir, "run/cells/*-"+seed+"-f100/00-tune", metrics.LinesFile))
		if err != nil || len(logs) < 2 {
			t.Fatalf("%d logs: %v", len(logs), err)
		}
		for _, log := range logs {
			rs, err := metrics.Read(log)
			if err != nil {
				t.Fatal(err)
			}
			var seen []int64
			for _, r := range rs {
				seen = append(seen, r.Tokens)
			}
			if first, ok := tokens[seed]; ok && fmt.Sprint(first) != fmt.Sprint(seen) {
				t.Errorf("%s has batches of %v tokens, others with its seed %v", log, seen, first)
			}
			tokens[seed] = seen
		}
	}
	if fmt.Sprint(tokens["s1"]) == fmt.Sprint(tokens["s2"]) {
		t.Error("both seeds have the same batches")
	}
}

// The report says what was found and how.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	path := small(t, dir, strings.NewReplacer("[1e-2, 1e-3]", "1e-3", "fractions: [0.5, 1]\nfraction_seeds: 2\n", "").Replace(studyText))
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(context.Background(), s, Options{Report: filepath.Join(dir, "out")}); err != nil { // nobody is told
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "out", reportFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"moslava study study.yaml", "## Accuracy on test", "## Accuracy on blank", "contains zero",
		"Each draw takes seeds and questions anew", "not adjusted for the number of comparisons", "![accuracy.svg](accuracy.svg)"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the report has no %q:\n%s", want, b)
		}
	}
	for _, name := range []string{cellsFile, summaryFile, ratesFile, "accuracy.svg", "accuracy.png", "difference.svg"} {
		if info, err := os.Stat(filepath.Join(dir, "out", name)); err != nil || info.Size() < 100 && name != ratesFile {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A change of the base recipe is noticed, not mixed in.
	text, err := os.ReadFile(filepath.Join(dir, "base.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "base.yaml"), bytes.Replace(text, []byte("limit: 20"), []byte("limit: 18"), 1), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = runStudy(context.Background(), t, path, Options{})
	if err == nil || !strings.Contains(err.Error(), "stages.0.limit was 20 and is 18") {
		t.Errorf("error %v, expected one about the changed limit", err)
	}
}

func TestWrongStudies(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"baseline: lora", "baseline: lore", `study.yaml:4: baseline: no method is called "lore"; there are lora, mixed`},
		{"seeds: [1, 2]", "seed: [1, 2]", `seed: unknown key; did you mean "seeds"?`},
		{"seeds: [1, 2]", "seeds: [1, 1]", "seeds: 1 comes twice"},
		{"name: mixed", "name: Mixed", `methods.1.name: "Mixed": expected lower-case letters`},
		{"name: mixed", "name: lora", `methods.1.name: "lora" comes twice`},
		{"[0.5, 1]", "[0.5]", "fractions: has no 1"},
		{"[0.5, 1]", "[0, 1]", "expected more than 0"},
		{"clip=0.5", "clip", `methods.1.keys: is "clip", expected key=value`},
		{"draws: 200", "draws: 3", "is 3, expected at least 100"},
	} {
		path := small(t, t.TempDir(), strings.Replace(studyText, c.old, c.new, 1))
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", c.new, err, c.want)
		}
	}
	for _, c := range []struct{ old, new, want string }{
		{"baseline: lora", "baseline: lora\nstage: tone", `stage: `},
		{"baseline: lora", "baseline: lora\nstage: align", "stage align"},
		{"baseline: lora", "baseline: lora\nevaluate: tune", `no stage "tune" of kind evaluate`},
		{"mixer=orthogonal", "mixer=orthogonale", `method mixed: `},
		{"clip=0.5", "klip=0.5", `did you mean "clip"`},
		{"base.yaml", "none.yaml", "no such file"},
	} {
		path := small(t, t.TempDir(), strings.Replace(studyText, c.old, c.new, 1))
		if _, err := runStudy(context.Background(), t, path, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", c.new, err, c.want)
		}
	}
}

func TestChanged(t *testing.T) {
	was := []byte(`{"a": 1, "stages": [{"x": "y"}]}`)
	for now, want := range map[string]string{
		`{"a": 1, "stages": [{"x": "y", "new": true}], "b": 2}`: "",
		`{"a": 2, "stages": [{"x": "y"}]}`:                      "a was 1 and is 2",
		`{"a": 1, "stages": [{"x": "z"}]}`:                      "stages.0.x was y and is z",
		`{"stages": [{"x": "y"}]}`:                              "a was 1 and is <nil>",
	} {
		if got, err := changed(was, []byte(now)); err != nil || got != want {
			t.Errorf("%s: %q, %v, expected %q", now, got, err, want)
		}
	}
}
