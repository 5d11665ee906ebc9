package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"moslava/pipelines/preflight"
)

func TestPlanCommand(t *testing.T) {
	run := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		c := root()
		c.SetArgs(append([]string{"plan", "../../pipelines/stages/testdata/resume.yaml", "--batches", "2"}, args...))
		c.SetOut(&out)
		if err := c.Execute(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	var p preflight.Plan
	if err := json.Unmarshal([]byte(run("--json", "--set", "stages.tune.steps=9")), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Stages) != 2 || p.Stages[1].Name != "tune" || p.Stages[1].Steps != 9 || p.Stages[1].Memory.Peak == 0 {
		t.Errorf("%+v", p)
	}
	if s := run(); !bytes.Contains([]byte(s), []byte("align (align): 20 steps")) {
		t.Error(s)
	}
}
