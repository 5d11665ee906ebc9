package stages

import (
	"context"
	"errors"
	"io"
	"testing"

	"moslava/datasets"
)

// TestGroupedStage: each rule has an order of its own, and a stage that is interrupted ends with the same bits.
func TestGroupedStage(t *testing.T) {
	seen := map[string]string{}
	for _, rule := range append(datasets.Groupings(), "") {
		set := []string{"stages.tune.steps=4", "stages.tune.batch=3", "stages.tune.save_every=0", "stages.align.steps=1"}
		if rule != "" {
			set = append(set, "stages.tune.group_by="+rule)
		}
		whole, dir := t.TempDir(), t.TempDir()
		mustRun(t, shortRecipe(t, whole, set...))
		want := results(t, whole)
		lines := want["/01-tune/metrics.jsonl"]
		if other, ok := seen[lines]; ok {
			t.Errorf("group_by %q has the batches of %q", rule, other)
		}
		seen[lines] = rule
		if rule == "" {
			continue
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := Run(ctx, shortRecipe(t, dir, append(set, "stages.tune.validate_every=2")...), Options{Out: io.MultiWriter(io.Discard, &cancelAt{text: "step 2: validation", cancel: cancel})})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		mustRun(t, shortRecipe(t, dir, append(set, "stages.tune.validate_every=2")...))
		got := results(t, dir)
		if got["/01-tune/trained.safetensors"] != want["/01-tune/trained.safetensors"] {
			t.Errorf("group_by %s: the resumed stage ends with other parameters", rule)
		}
	}
}
