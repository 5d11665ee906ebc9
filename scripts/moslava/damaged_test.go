package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommandsNoticeDamage: a flipped bit in what a run left behind is noticed by every command that is given it.
func TestCommandsNoticeDamage(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(tinyText(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(mine, append(text, "- {kind: export}\n- {kind: export, name: adapters, format: folded}\n"...), 0o666); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	if _, err := command("run", mine); err != nil {
		t.Fatal(err)
	}
	model, adapters := filepath.Join(run, "01-export", "hf"), filepath.Join(run, "02-adapters", "folded")
	other := filepath.Join(dir, "other.yaml") // another run that begins with what this one left
	again := "name: again\nrun_dir: again\nmodel: {language: " + model + "}\nstages:\n- {kind: tune, data: data.json, steps: 1, batch: 1, adapters: {language: {r: 2}}}\n"
	if err := os.WriteFile(other, []byte(again), 0o666); err != nil {
		t.Fatal(err)
	}
	suite := filepath.Join(dir, "suite.tsv")
	if err := os.WriteFile(suite, []byte("index\tquestion\tA\tB\tanswer\n1\tq\tx\ty\tA\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	weights, factors := filepath.Join(model, "model.safetensors"), filepath.Join(adapters, "adapter_model.safetensors")
	for _, c := range []struct {
		file string
		args []string
	}{
		{weights, []string{"ask", model, "hi"}},
		{weights, []string{"evaluate", model, suite, "--protocol", "letter-logit", "--out", filepath.Join(dir, "asked")}},
		{weights, []string{"verify", model, weights}},
		{weights, []string{"run", other}},
		{factors, []string{"ask", model, "hi", "--adapters", adapters}},
		{factors, []string{"analyze", adapters}},
		{factors, []string{"compose", filepath.Join(dir, "sum"), adapters + "=1"}},
		{factors, []string{"inspect", adapters, "--check"}},
		{filepath.Join(run, "00-tune", "metrics.jsonl"), []string{"report", run}},
		{filepath.Join(run, "00-tune", "metrics.jsonl"), []string{"score", "--suite", suite, "--predictions", filepath.Join(run, "00-tune", "metrics.jsonl")}},
		{filepath.Join(run, "recipe.json"), []string{"ask", run, "hi"}},
		{filepath.Join(run, "recipe.json"), []string{"run", mine}},
	} {
		b, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		damaged := append([]byte(nil), b...)
		damaged[len(b)/2] ^= 1
		if err := os.WriteFile(c.file, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		said, err := command(c.args...)
		if err != nil {
			said += err.Error()
		}
		if (err == nil) != (c.args[0] == "inspect") || !strings.Contains(said, filepath.Base(c.file)) || !strings.Contains(said, "damaged") {
			t.Errorf("%v: %s", c.args, said)
		}
		if out, err := command("verify-run", run); err == nil || !strings.Contains(err.Error(), "1 of ") || !strings.Contains(out, "differs  "+c.file+": ") {
			t.Errorf("verify-run finds %v\n%s", err, out)
		}
		if err := os.WriteFile(c.file, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"verify-run", run}, {"ask", model, "hi", "--max-new", "1"}, {"analyze", adapters}, {"run", other}} {
		if _, err := command(args...); err != nil {
			t.Errorf("%v, once all is as it was: %v", args, err)
		}
	}
}
