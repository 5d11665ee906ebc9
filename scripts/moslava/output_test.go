package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/lock"
)

// TestOccupied: every command that writes refuses a place that holds something else, and one that another process writes to.
func TestOccupied(t *testing.T) {
	tiny, err := filepath.Abs("../../pipelines/stages/testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := filepath.Abs(filepath.Join(preprocessTestdata, "tiny.png"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(writeFiles(t, map[string]string{
		"file": "mine", "q.tsv": "index\tquestion\n", "data.json": "[]",
		"good.json":  `{"image_processor_type": "SiglipImageProcessor"}`,
		"study.yaml": "name: s\nbase: base.yaml\nmethods: [{name: a}, {name: b}]\nbaseline: a\nseeds: [1]\nrun_dir: taken\n",
		"base.yaml": "name: b\nmodel: {vision: " + tiny + "/vision, language: " + tiny + "/language, init: random}\nstages:\n" +
			"- {kind: tune, data: \"scenes:tune?n=8&seed=1\", validation: 0.5, adapters: {language: {r: 2}}}\n- {kind: evaluate, suites: q.tsv}\n",
	}))
	err = errors.Join(os.Mkdir("taken", 0o777), os.WriteFile("taken/thesis.tex", nil, 0o666), os.Mkdir("adapter", 0o777))
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"evaluate":   {"evaluate", tiny, "q.tsv", "--out", "taken"},
		"join":       {"join", "q.tsv", "adapter", "--out", "taken"},
		"compose":    {"compose", "taken", "adapter=1"},
		"convert":    {"convert", "data.json", "taken"},
		"data":       {"data", "convert", "data.json", "taken"},
		"check":      {"data", "check", "base.yaml", "--out", "taken"},
		"analyze":    {"analyze", "adapter", "--out", "taken"},
		"demo":       {"demo", "--dir", "taken", "--short"},
		"study":      {"study", "study.yaml"},
		"preprocess": {"preprocess", "--config", "good.json", picture, "--out", "file"},
		"png":        {"preprocess", "--config", "good.json", picture, "--out", "new.npy", "--png", "file"},
		"score":      {"score", "--suite", "q.tsv", "--predictions", "q.tsv", "--verdicts", "file"},
	} {
		t.Run(name, func(t *testing.T) {
			place := "taken"
			if args[len(args)-1] == "file" {
				place = "file"
			}
			text, err := command(args...)
			if err == nil || !strings.Contains(err.Error(), place) || !strings.Contains(err.Error(), "--force") {
				t.Errorf("%v, printed %q", err, text)
			}
			l, err := lock.Beside(place)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release()
			if _, err := command(args...); !errors.As(err, new(*lock.HeldError)) || !strings.Contains(err.Error(), "process ") {
				t.Errorf("while another process writes there: %v", err)
			}
		})
	}
	for _, dir := range []string{".", "taken"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") || strings.Contains(e.Name(), "~") {
				t.Errorf("%s is left in %s", e.Name(), dir)
			}
		}
	}
}
