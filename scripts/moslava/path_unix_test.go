//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/pipelines/demo/scenes"
)

// block is the text of the first fenced block of a language in a Markdown file.
func block(t *testing.T, text, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n```"+language+"\n")
	block, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatalf("no block of %s", language)
	}
	return block + "\n"
}

// TestUsersPath runs the lines of docs/data.md as they stand there, from a folder of pictures with a table to an exported model.
func TestUsersPath(t *testing.T) {
	doc, err := os.ReadFile("../../docs/data.md")
	must(t, err)
	_, path, ok := strings.Cut(string(doc), "\n## A user's path\n")
	if !ok {
		t.Fatal("the document has no such path")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o777), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
	write("photos.yaml", block(t, path, "yaml"))
	photos(t, write)
	towers, err := filepath.Abs("../../pipelines/stages/testdata/tiny")
	must(t, err)
	write("towers.yaml", fmt.Sprintf("name: towers\nmodel: {vision: %[1]s/vision, language: %[1]s/language, init: random}\nstages:\n- {kind: export, format: towers, path: towers}\n", towers))
	c := program("run", "towers.yaml")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script := block(t, path, "sh")
	if n := strings.Count(script, "moslava "); n != 6 {
		t.Errorf("%d commands, want six", n)
	}
	shell := exec.Command("sh", "-e")
	shell.Dir = dir
	shell.Env = append(os.Environ(), asProgram+"=1", "MOSLAVA="+os.Args[0], "VISION="+filepath.Join(dir, "towers/vision"), "LANGUAGE="+filepath.Join(dir, "towers/language"))
	shell.Stdin = strings.NewReader("moslava() { \"$MOSLAVA\" \"$@\"; }\n" + script)
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"photos-data/state.json", "checked/data.html", "runs/photos/01-tune/adapters", "runs/photos/02-evaluate/test/acc.csv", "runs/photos/report.html", "runs/photos/03-export/hf/model.safetensors"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// photos writes pictures, a table of questions and answers about them, and a suite.
func photos(t *testing.T, write func(name, text string)) {
	t.Helper()
	src, err := scenes.Open("tune?n=24&seed=2")
	must(t, err)
	rows, suite := "photo,question,answer\n", "index\timage_path\tquestion\tA\tB\tanswer\n"
	for i := range src.Len() {
		s, err := src.At(i)
		must(t, err)
		name := fmt.Sprintf("%d.png", i)
		write("photos/"+name, string(s.Pictures[0].Bytes))
		if i >= 20 { // is in the test alone
			suite += fmt.Sprintf("%d\t%s\twhich colour is it?\tred\tblue\tA\n", i, name)
			continue
		}
		question := strings.ReplaceAll(strings.TrimPrefix(s.Turns[0].Value, datasets.ImageMarker+"\n"), `"`, `""`)
		rows += fmt.Sprintf("%s,\"%s\",%s\n", name, question, s.Turns[1].Value)
	}
	write("photos/rows.csv", rows)
	write("photos/test.tsv", suite)
}
