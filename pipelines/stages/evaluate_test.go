package stages

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/suitedir"
)

// TestEvaluateStageKeys: limit, shard and stop_early of a recipe reach the suite.
func TestEvaluateStageKeys(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "questions.tsv")
	if err := atomicfile.WriteFile(suite, func(w io.Writer) error { return scenes.TestTSV(w, 96, scenes.Test, 5) }); err != nil {
		t.Fatal(err)
	}
	mustRun(t, recipetest.Parse(t, dir, recipetest.Towers+fmt.Sprintf(`stages:
  - kind: evaluate
    suites: [{tsv: %q, name: part, limit: 12, shard: 2/3, stop_early: true}]
`, suite)))
	res, err := suitedir.Read(filepath.Join(dir, "00-evaluate", "part"))
	if err != nil {
		t.Fatal(err)
	}
	if res.Limit != 12 || res.Shard != (suites.Shard{Index: 1, Count: 3}) || !res.StopEarly || res.Overall.N != 4 || res.Overall.Vanilla != score.NotKnown {
		b, _ := json.Marshal(res)
		t.Errorf("found %s", b)
	}
}
