package stages

import (
	"strings"
	"testing"

	"moslava/pipelines/metrics"
)

// TestLongSamples: what becomes of samples that are too long is counted, in the records and in the stage's last line.
func TestLongSamples(t *testing.T) {
	dir := t.TempDir()
	out := mustRun(t, shortRecipe(t, dir, "stages.align.data=scenes:tune?n=20&seed=1", "stages.align.steps=8", "stages.align.max_length=36", "stages.align.on_long=truncate", "stages.align.validation=0"))
	lines, err := metrics.Read(dir + "/00-align/metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if n := lines[len(lines)-1].Counts["truncated"]; n == 0 || !strings.Contains(out, ", truncated ") || !strings.Contains(out, "truncated: scenes/train") {
		t.Errorf("%d samples were truncated, and the run says\n%s", n, out)
	}
	fails(t, shortRecipe(t, t.TempDir(), "stages.align.on_long=shrink"), "align", "on_long shrink: pictures of LLaVA are one tile of one size")
}
