package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLRCommand: a stage from the recipe's own model is tried, its plot is drawn, and the run directory is not there afterwards.
func TestLRCommand(t *testing.T) {
	dir := t.TempDir()
	runDir, plots := filepath.Join(dir, "run"), filepath.Join(dir, "plots")
	try := func(args ...string) (string, error) {
		var out bytes.Buffer
		c := root()
		c.SetArgs(append([]string{"lr", "../../pipelines/stages/testdata/resume.yaml", "--set", "run_dir=" + runDir}, args...))
		c.SetOut(&out)
		c.SetErr(&out)
		err := c.Execute()
		return out.String(), err
	}
	out, err := try("--stage", "align", "--to", "10", "--out", plots)
	if err != nil {
		t.Fatal(err, out)
	}
	for _, want := range []string{"1.00e-06", "suggested: lr: ", "for stage align (the recipe has 0.01)", "lr.svg"} {
		if !strings.Contains(out, want) {
			t.Errorf("found no %q in\n%s", want, out)
		}
	}
	for _, name := range []string{"lr.svg", "lr.png"} {
		if _, err := os.Stat(filepath.Join(plots, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(runDir); err == nil {
		t.Error("it has made a run directory")
	}
	for want, args := range map[string][]string{"stage tune starts from align, which is not finished": nil, `no training stage "tone"; it has align, tune`: {"--stage", "tone"},
		"want at least 10 steps": {"--stage", "align", "--steps", "3"}, "which this command did not write": {"--stage", "align", "--out", plots}} {
		if out, err := try(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q\n%s", args, err, want, out)
		}
	}
}
