package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkReport is what programs read of moslava data check.
type checkReport struct {
	Stages []struct {
		Name     string
		Rows     int
		Findings []struct{ Level, Kind string }
	}
}

func TestDataCheckCommand(t *testing.T) {
	dir := t.TempDir()
	recipe := tinyText(t, dir)
	out, err := command("data", "check", recipe, "--out", filepath.Join(dir, "checked"))
	if err != nil || !strings.Contains(out, "tune (tune): 1 row of ") || !strings.Contains(out, "⟦ yes<|end|>⟧") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "checked", "data.html")); err != nil {
		t.Error(err)
	}
	if _, err := command("data", "check", recipe, "--out", dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("over what it reads: %v", err)
	}
	rows := `[{"conversations": [{"from": "human", "value": "<image>what?"}, {"from": "gpt", "value": "this"}], "image": "gone.png"}]`
	if err := os.WriteFile(filepath.Join(dir, "data.json"), []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err = command("data", "check", recipe, "--json", "--quiet")
	var r checkReport
	if err == nil || !strings.Contains(err.Error(), "a run would stop at the data") {
		t.Errorf("with a picture that is not there: %v", err)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Stages) != 1 || len(r.Stages[0].Findings) == 0 || r.Stages[0].Findings[0].Kind != "missing pictures" {
		t.Errorf("%v, %+v", err, r)
	}
}

// A dry run plans and checks, and leaves the run directory as it was.
func TestDryRun(t *testing.T) {
	dir := t.TempDir()
	recipe := tinyText(t, dir)
	out, err := command("run", recipe, "--dry-run", "--quiet")
	if err != nil || !strings.Contains(out, "tune (tune): 2 steps") || !strings.Contains(out, "tune (tune): 1 row of ") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); !os.IsNotExist(err) {
		t.Errorf("the run directory: %v", err)
	}
	out, err = command("run", recipe, "--dry-run", "--quiet", "--json")
	var both struct {
		Plan struct{ Stages []any }
		Data checkReport
	}
	if err != nil || json.Unmarshal([]byte(out), &both) != nil || len(both.Plan.Stages) != 1 || len(both.Data.Stages) != 1 {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := command("run", recipe, "--dry-run", "--force"); err == nil || !strings.Contains(err.Error(), "force") {
		t.Errorf("found %v", err)
	}
}
