package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInitRefusesToOverwrite: a recipe that is there stays, and nothing is written where nothing is known of a model.
func TestInitRefusesToOverwrite(t *testing.T) {
	dir := t.TempDir()
	data, there := filepath.Join(dir, "d.csv"), filepath.Join(dir, "there.yaml")
	for path, text := range map[string]string{data: "question,answer\nwhat?,that\n", there: "mine"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	try := func(out string) error {
		c := root()
		c.SetArgs([]string{"init", data, "--out", out})
		c.SetOut(new(bytes.Buffer))
		return c.Execute()
	}
	if err := try(there); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Error(err)
	}
	if b, err := os.ReadFile(there); err != nil || string(b) != "mine" {
		t.Errorf("%q %v", b, err)
	}
	none := filepath.Join(dir, "none.yaml")
	if err := try(none); err == nil || !strings.Contains(err.Error(), "no model is given") {
		t.Error(err)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("it has written a recipe without a model")
	}
}
