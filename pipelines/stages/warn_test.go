package stages

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
)

// TestFlat: a loss that stays where it is is told, unless it is next to nothing or the stage is short.
func TestFlat(t *testing.T) {
	for name, c := range map[string]struct {
		from, to float64
		steps    int
		told     bool
	}{"flat": {3, 2.98, 60, true}, "falling": {3, 2.8, 60, false}, "learnt": {0.01, 0.01, 60, false}, "short": {3, 3, 20, false}} {
		dir, out := t.TempDir(), new(bytes.Buffer)
		log, err := metrics.Open(dir, 0)
		for step := 1; step <= c.steps && err == nil; step++ {
			err = log.Write(metrics.Record{Step: step, Loss: c.from + (c.to-c.from)*float64(step)/float64(c.steps)})
		}
		if err == nil {
			err = log.Close()
		}
		tr := &training{stage: &stage{Stage: &recipe.Stage{Name: "tune"}, out: out, path: dir}, cfg: &recipe.TrainConfig{LR: 1e-9}}
		if err == nil {
			err = tr.noteLoss()
		}
		if err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(out.String(), "the loss is flat"); told != c.told {
			t.Errorf("%s: it says %q", name, out)
		}
	}
}

// TestVanishedGradients: a part is told of once it has been still for long enough, and again after it was not.
func TestVanishedGradients(t *testing.T) {
	var s stillParts
	var told []string
	for step := 1; step <= 70; step++ {
		parts := map[string]float64{"language": 1, "projector": 1e-7, "vision": 0}
		if step == 30 {
			parts["vision"] = 1e-3
		}
		for _, part := range s.step(1, parts) {
			told = append(told, fmt.Sprint(part, step))
		}
	}
	if want := []string{"projector20", "vision20", "vision50"}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}

// TestNoBetterThanBlank: a model that has learnt nothing is told of, where grey pictures were asked about, too.
func TestNoBetterThanBlank(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "questions.tsv")
	if err := atomicfile.WriteFile(suite, func(w io.Writer) error { return scenes.TestTSV(w, 96, scenes.Test, 5) }); err != nil {
		t.Fatal(err)
	}
	out := mustRun(t, recipetest.Parse(t, dir, recipetest.Towers+fmt.Sprintf(`stages:
  - kind: evaluate
    suites: [{tsv: %q, name: seen, limit: 8}, {tsv: %q, name: grey, limit: 8, blank: true}, {tsv: %q, name: other, limit: 4}]
`, suite, suite, suite)))
	if !strings.Contains(out, "evaluate: warning: seen has ") || !strings.Contains(out, "and grey, the same with grey pictures, ") || strings.Contains(out, "warning: other") {
		t.Error(out)
	}
}
