package draft

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/recipes"
	"moslava/pipelines/stages"
)

// file writes a file in a directory and returns its path.
func file(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a recipe.
func run(t *testing.T, path string) string {
	t.Helper()
	r, err := recipes.Load(path, "run_dir="+filepath.Join(filepath.Dir(path), "run-"+filepath.Base(path)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := stages.Run(context.Background(), r, stages.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return out.String()
}

// models makes a model's directory and those of its towers.
func models(t *testing.T, dir string) (whole, vision, language string) {
	t.Helper()
	tiny, err := filepath.Abs("../stages/testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	run(t, file(t, dir, "make.yaml", "name: make\nmodel: {vision: '"+tiny+"/vision', language: '"+tiny+"/language', init: random}\nstages:\n"+
		"  - {kind: align, data: 'scenes:align?n=4&seed=1', steps: 1, batch: 2}\n  - {kind: export}\n  - {kind: export, name: towers, format: towers}\n"))
	at := filepath.Join(dir, "run-make.yaml")
	return filepath.Join(at, "01-export", "hf"), filepath.Join(at, "02-towers", "towers", "vision"), filepath.Join(at, "02-towers", "towers", "language")
}

// TestDraftRuns: what is written runs as it is, for a whole model, two towers, and a decoder alone.
func TestDraftRuns(t *testing.T) {
	dir := t.TempDir()
	whole, vision, language := models(t, dir)
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	file(t, dir, "a.png", b.String())
	rows := "image,question,answer,my col\n" + strings.Repeat("a.png,what?,a thing,1\n", 24)
	asked, text := file(t, dir, "asked.csv", rows+"missing.png,what?,x,1\n"), file(t, dir, "text.csv", "question,answer\nwhat?,that\nwho?,me\n")
	for name, c := range map[string]struct {
		opt   Options
		wants []string
	}{
		"whole":  {Options{Data: asked, Model: whole}, []string{"from: run-make.yaml/01-export/hf", "ignore: ['my col']", "validation: 0.05", "#   25 rows of CSV", "100 % have pictures", "1 could not be read", "40 x 30"}},
		"towers": {Options{Data: asked, Model: language, Vision: vision}, []string{"kind: align", "data: *data", "vision: {r: 16}"}},
		"text":   {Options{Data: text, Model: language}, []string{"too few rows to hold some out", "language: run-make.yaml/02-towers/towers/language"}},
	} {
		c.opt.Out = filepath.Join(dir, name+".yaml")
		d, err := Make(t.Context(), c.opt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Plan.Err(); err != nil || len(d.Plan.Stages) == 0 {
			t.Errorf("%s: the plan: %v", name, err)
		}
		for _, want := range c.wants {
			if !strings.Contains(string(d.Text), want) {
				t.Errorf("%s: found no %q in\n%s", name, want, d.Text)
			}
		}
		if _, err := os.Stat(c.opt.Out); err == nil {
			t.Errorf("%s: Make has written the file", name)
		}
		out := run(t, file(t, dir, name+".yaml", string(d.Text)))
		if !strings.Contains(out, "export: wrote") {
			t.Errorf("%s: it says\n%s", name, out)
		}
	}
}

// TestSmaller: less memory is fewer samples at once with as many to a step, and then rounded weights; every form is a recipe.
func TestSmaller(t *testing.T) {
	w := &writer{opt: Options{Out: "a b.yaml"}, data: &data{path: "d.csv", rows: 100, prompt: "What's this?", split: "train", imageFirst: true}, model: model{from: "m"}, batch: samplesPerStep}
	for n := 1; ; n++ {
		text, err := w.text()
		if err != nil {
			t.Fatal(err)
		}
		r, err := recipes.Parse("a b.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		c := r.Stages[0].Train
		if c.Batch*max(1, c.Accum) != samplesPerStep || c.Sources[0].Prompt != "What's this?" || c.Sources[0].Split != "train" || !c.Sources[0].ImageFirst || r.Name != "a-b" {
			t.Errorf("%s", text)
		}
		if !w.smaller() {
			if n != 6 || c.Batch != 1 || r.Model.Quantize.Language != "nf4" {
				t.Errorf("%d forms, the last\n%s", n, text)
			}
			break
		}
	}
}

func TestDraftErrors(t *testing.T) {
	dir := t.TempDir()
	_, vision, language := models(t, dir)
	asked := file(t, dir, "asked.jsonl", `{"caption":"a cat","image":{"bytes":""}}`+"\n")
	text := file(t, dir, "text.csv", "question,answer\nwhat?,that\n")
	for want, opt := range map[string]Options{
		"no model is given, and the usual one is not there": {Data: text},
		"is a vision tower: name it with --vision":          {Data: text, Model: vision},
		"no such file": {Data: filepath.Join(dir, "nowhere.csv"), Model: language},
		"asked.jsonl":  {Data: asked, Model: language},
		"has no rows":  {Data: file(t, dir, "none.csv", "question,answer\n"), Model: language},
	} {
		opt.Out = filepath.Join(dir, "x.yaml")
		if _, err := Make(t.Context(), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", opt, err, want)
		}
	}
}
