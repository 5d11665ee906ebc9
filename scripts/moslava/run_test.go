package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"moslava/pipelines/stages"
)

// tinyText writes a recipe that tunes a random decoder for two steps, and returns its file.
func tinyText(t *testing.T, dir string) string {
	t.Helper()
	tiny, err := filepath.Abs("../recipes/tiny/language")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "text.yaml")
	for file, content := range map[string]string{
		filepath.Join(dir, "data.json"): `[{"conversations": [{"from": "human", "value": "is ice cold?"}, {"from": "gpt", "value": "yes"}]}]`,
		path: "name: text\nrun_dir: run\nmodel: {language: " + tiny + ", init: random}\nstages:\n" +
			"- {kind: tune, data: data.json, steps: 2, batch: 1, adapters: {language: {r: 2}}}\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

type fullDisk struct{ writes int }

func (d *fullDisk) Write([]byte) (int, error) {
	d.writes++
	return 0, syscall.ENOSPC
}

// A run whose listener cannot be told anything is finished all the same, and ends with one error.
func TestRunTellsNobody(t *testing.T) {
	var disk fullDisk
	c := root()
	c.SetArgs([]string{"run", tinyText(t, t.TempDir()), "--json", "--quiet"})
	c.SetOut(&disk)
	c.SetErr(io.Discard)
	err := c.Execute()
	if !errors.Is(err, syscall.ENOSPC) || strings.Count(err.Error(), "\n") > 0 || disk.writes != 1 {
		t.Errorf("found %d writes and the error %v, expected one of each", disk.writes, err)
	}
}

// With --json a run tells what it does, an object a line; --quiet keeps everything else back.
func TestRunTellsPrograms(t *testing.T) {
	dir := t.TempDir()
	path := tinyText(t, dir)
	follow := func() (kinds []string, events []stages.Event) {
		t.Helper()
		var out, progress bytes.Buffer
		c := root()
		c.SetArgs([]string{"run", path, "--json", "--quiet"})
		c.SetOut(&out)
		c.SetErr(&progress)
		if err := c.Execute(); err != nil {
			t.Fatal(err)
		}
		if progress.Len() > 0 {
			t.Errorf("--quiet printed %q", progress.String())
		}
		for d := json.NewDecoder(&out); d.More(); {
			var e stages.Event
			if err := d.Decode(&e); err != nil {
				t.Fatal(err)
			}
			kinds, events = append(kinds, e.Event), append(events, e)
		}
		return kinds, events
	}
	kinds, events := follow()
	if want := []string{"begun", "step", "step", "finished"}; !slices.Equal(kinds, want) {
		t.Fatalf("found %v, want %v", kinds, want)
	}
	if e := events[2]; e.Stage != "tune" || e.Steps != 2 || e.Record == nil || e.Record.Step != 2 || !(e.Record.Loss > 0) || filepath.Base(e.Dir) != "00-tune" {
		t.Errorf("a step is %+v", e)
	}
	if kinds, _ = follow(); !slices.Equal(kinds, []string{"skipped"}) {
		t.Errorf("of a finished run: found %v", kinds)
	}
}

// Without a recipe, run names those near by.
func TestRunWithoutRecipe(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if _, err := command("run"); err == nil || !strings.Contains(err.Error(), "expected its file: moslava run RECIPE.yaml") || !strings.Contains(err.Error(), "moslava demo") {
		t.Errorf("in an empty directory: %v", err)
	}
	for name, text := range map[string]string{"mine.yaml": "name: mine\nstages:\n- kind: export\n", "other.yaml": "suite: x\n"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := command("run"); err == nil || !strings.Contains(err.Error(), "mine.yaml") || strings.Contains(err.Error(), "other.yaml") {
		t.Errorf("beside a recipe: %v", err)
	}
}

func TestVersion(t *testing.T) {
	out, err := command("version", "--json")
	var b build
	if err == nil {
		err = json.Unmarshal([]byte(out), &b)
	}
	if err != nil || b.Go == "" || b.Platform == "" || b.Kernels == "" || b.Threads < 1 {
		t.Errorf("%v, %q", err, out)
	}
}

// Shells complete the values of flags that take one of a few.
func TestCompletion(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"ask model --weights ", "nf4"}, {"evaluate model --weights b", "bf16"}, {"evaluate model --protocol ", "lmms-eval"},
		{"score --protocol ", "llava-1.5"}, {"convert x.gguf --dtype ", "bfloat16"}, {"run ", "yaml"},
	} {
		out, err := command(append([]string{"__complete"}, strings.Split(c.args, " ")...)...)
		if err != nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v, found %q, want %q in it", c.args, err, out, c.want)
		}
	}
}
