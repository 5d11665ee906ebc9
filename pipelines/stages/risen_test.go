package stages

import (
	"bytes"
	"strings"
	"testing"

	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
)

// TestRisenFromTheStart: a loss that rises in the first steps and stays there is told, and noise of the first step is
// not.
func TestRisenFromTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		first, rest float64
		told        bool
	}{"stuck above": {0.5, 6.6, true}, "a lucky first batch": {0.6, 1.9, false}, "falling": {6.6, 0.5, false}} {
		dir, out := t.TempDir(), new(bytes.Buffer)
		log, err := metrics.Open(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		for step := 1; step <= 60 && err == nil; step++ {
			r := metrics.Record{Step: step, Loss: c.rest}
			if step == 1 {
				r.Loss = c.first
			}
			err = log.Write(r)
		}
		if err == nil {
			err = log.Close()
		}
		tr := &training{stage: &stage{Stage: &recipe.Stage{Name: "tune"}, out: out, path: dir}, cfg: &recipe.TrainConfig{LR: 10}}
		if err == nil {
			err = tr.noteLoss()
		}
		if err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(out.String(), "the loss has risen"); told != c.told {
			t.Errorf("%s: it says %q", name, out)
		}
	}
}
