package study

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A study of a decoder alone: the shared model that its cells start from is one, too.
func TestStudyOfText(t *testing.T) {
	dir, testdata := t.TempDir(), "../stages/testdata"
	if abs, err := filepath.Abs(testdata); err == nil {
		testdata = abs
	}
	for name, text := range map[string]string{
		"base.yaml": fmt.Sprintf(`name: base
model: {language: %[1]s/tiny/language, init: random}
stages:
  - {kind: pretrain, data: {path: %[1]s/commonsense.json, format: llm-adapters}, steps: 2, batch: 2}
  - {kind: tune, data: {path: %[1]s/commonsense.json, format: llm-adapters}, steps: 2, batch: 2, validation: 0.3, adapters: {language: {r: 4, mixer: none}}}
  - {kind: evaluate, suites: {tsv: %[1]s/commonsense.json, limit: 2}}
`, testdata),
		"study.yaml": "name: text\nbase: base.yaml\nrun_dir: run\nbaseline: lora\nseeds: 1\nbootstrap: {draws: 100}\n" +
			"methods:\n  - {name: lora, adapters: mixer=none}\n  - {name: mixed, adapters: mixer=orthogonal}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out, err := runStudy(context.Background(), t, filepath.Join(dir, "study.yaml"), Options{})
	if err != nil || !strings.Contains(out, "2 of 2 cells are finished") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "run/report", reportFile)); err != nil {
		t.Error(err)
	}
}
