package stages

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/metrics"
)

// spoiled keeps the align stage of the resume recipe from being worth going on with: a rate that spoils the projector soon.
var spoiled = []string{"stages.align.steps=40", "stages.align.lr=0.5", "stages.align.schedule=constant", "stages.align.validate_every=2", "stages.align.stop_early=2", "stages.align.on_divergence=ignore"}

// TestStopsEarly: measurements without a best one end the stage, a state says so, and a run that goes on does not train again.
func TestStopsEarly(t *testing.T) {
	dir := t.TempDir()
	out := mustRun(t, load(t, resumeRecipe, dir, spoiled...))
	if !strings.Contains(out, "align: stopped early after step ") {
		t.Fatal(out)
	}
	stage := filepath.Join(dir, "00-align")
	lines, err := metrics.Read(filepath.Join(stage, metrics.LinesFile))
	if err != nil {
		t.Fatal(err)
	}
	var losses []float64
	for _, l := range lines {
		if l.Validation != nil {
			losses = append(losses, *l.Validation)
		}
	}
	best := 0
	for i, l := range losses {
		if l < losses[best] {
			best = i
		}
	}
	if len(lines) >= 40 || len(losses)-1-best != 2 || len(lines)%2 != 0 {
		t.Errorf("%d steps, validation losses %v", len(lines), losses)
	}
	before := results(t, dir)
	if err := errors.Join(os.Remove(filepath.Join(stage, "manifest.json")), os.RemoveAll(filepath.Join(stage, "adapters"))); err != nil {
		t.Fatal(err)
	}
	again := mustRun(t, load(t, resumeRecipe, dir, spoiled...))
	if !strings.Contains(again, "align: stopped early after step ") || strings.Contains(again, "step 2: validation") {
		t.Errorf("again it says\n%s", again)
	}
	equal(t, results(t, dir), before)
}

// TestLeaveBest: later stages take the model with the lowest validation loss.
func TestLeaveBest(t *testing.T) {
	for _, leave := range []string{"last", "best"} {
		dir := t.TempDir()
		out := mustRun(t, load(t, resumeRecipe, dir, append([]string{"stages.align.leave=" + leave, "stages.tune.leave=" + leave, "stages.tune.lr=0.1"}, spoiled...)...))
		all := results(t, dir)
		same := all["/00-align/trained.safetensors"] == all["/00-align/best/trained.safetensors"]
		if same != (leave == "best") || all["/00-align/trained.safetensors"] == "" {
			t.Errorf("leave: %s: the model of the last step is that of the best: %v\n%s", leave, same, out)
		}
		for name, b := range all {
			if rest, ok := strings.CutPrefix(name, "/01-tune/best/"); ok && leave == "best" && all["/01-tune/"+rest] != b {
				t.Errorf("%s is not that of the best", rest)
			}
		}
		if leave == "best" && !strings.Contains(out, "align: leaves the model of step ") {
			t.Error(out)
		}
	}
}
