package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The directory of a decoder alone can be asked and looked at as that of a whole model; a picture is refused.
func TestDecoderAlone(t *testing.T) {
	tiny, err := filepath.Abs("../recipes/tiny/language")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "text.yaml")
	data := filepath.Join(dir, "data.json")
	for file, content := range map[string]string{
		data: `[{"instruction": "is ice colder than steam?", "input": "", "output": "the correct answer is true", "answer": "true"}]`,
		path: "name: text\nmodel: {language: " + tiny + ", init: random}\nstages:\n" +
			"- {kind: tune, data: {path: " + data + ", format: llm-adapters}, steps: 2, batch: 1, adapters: {language: {r: 2, mixer: orthogonal}}}\n" +
			"- {kind: export}\n- {kind: export, name: adapters, format: peft}\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := command("run", path, "--set", "run_dir="+dir); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "01-export", "hf")
	if out, err := command("ask", model, "is ice colder than steam?", "--max-new", "3"); err != nil || out == "" {
		t.Errorf("%v, %q", err, out)
	}
	if out, err := command("inspect", model); err != nil || !strings.Contains(out, "language") || strings.Contains(out, "missing") || strings.Contains(out, "unexpected") {
		t.Errorf("%v, %s", err, out)
	}
	for file, never := range map[string]string{"tokenizer.json": "<image>", "config.json": "image"} {
		b, err := os.ReadFile(filepath.Join(model, file))
		if err != nil || strings.Contains(string(b), never) {
			t.Errorf("%s: %v, or it has %s", file, err, never)
		}
		if file == "config.json" && !strings.Contains(string(b), `"vocab_size": 768`) {
			t.Errorf("%s: the vocabulary has grown: %s", file, b)
		}
	}
	picture := filepath.Join("..", "..", "vision", "preprocess", "testdata", "photo.png")
	if _, err := command("ask", model, picture, "?"); err == nil || !strings.Contains(err.Error(), "photo.png") || !strings.Contains(err.Error(), "model.vision") {
		t.Errorf("about a picture: %v", err)
	}
	if out, err := command("analyze", filepath.Join(dir, "02-adapters", "peft"), "--base", path); err != nil || !strings.Contains(out, "language") {
		t.Errorf("%v, %s", err, out)
	}
}
