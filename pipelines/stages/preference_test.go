package stages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/metrics"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes/recipetest"
)

// pairRows are pairs of which the longer answer is chosen.
func pairRows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"prompt": "Q%d?", "chosen": "yes, %d.", "rejected": "no %d"}`+"\n", i, i%3, i%5)
	}
	return b.String()
}

// TestPreference: each loss falls, and chosen answers come to be preferred.
func TestPreference(t *testing.T) {
	for _, loss := range []string{"dpo", "ipo", "orpo"} {
		t.Run(loss, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "pairs.jsonl"), []byte(pairRows(24)), 0o644); err != nil {
				t.Fatal(err)
			}
			mustRun(t, recipetest.Parse(t, dir, alone+fmt.Sprintf("stages:\n- {kind: tune, data: %s, preference: {loss: %s, beta: 0.5}, batch: 4, steps: 12, lr: 1e-2, "+
				"validation: 0.2, validate_every: 6, adapters: {language: {r: 4, mixer: orthogonal}}}\n", filepath.Join(dir, "pairs.jsonl"), loss)))
			lines, err := metrics.Read(filepath.Join(dir, "00-tune", metrics.LinesFile))
			if err != nil || len(lines) != 12 {
				t.Fatalf("%d lines: %v", len(lines), err)
			}
			first, last := lines[0], lines[len(lines)-1]
			if first.Rewards == nil || last.Loss >= first.Loss || last.Rewards.Margin <= first.Rewards.Margin || last.Validation == nil {
				t.Errorf("loss %g to %g, rewards %+v to %+v", first.Loss, last.Loss, first.Rewards, last.Rewards)
			}
			if loss != "orpo" && (first.Rewards.Margin != 0 || last.Rewards.Accuracy < 0.75) {
				t.Errorf("rewards %+v at first, %+v at last", first.Rewards, last.Rewards)
			}
		})
	}
}

// TestPreferenceIsPlanned: a loss with a reference takes a forward pass more than one without, on the same pairs.
func TestPreferenceIsPlanned(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pairs.jsonl"), []byte(pairRows(24)), 0o644); err != nil {
		t.Fatal(err)
	}
	products := map[string]float64{}
	for _, loss := range []string{"dpo", "orpo"} {
		p, err := preflight.MakePlan(t.Context(), recipetest.Parse(t, dir, alone+fmt.Sprintf("stages:\n- {kind: tune, data: %s, preference: %s, batch: 4, steps: 2, adapters: {language: {r: 4}}}\n",
			filepath.Join(dir, "pairs.jsonl"), loss)), preflight.PlanOptions{Batches: 2})
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Stages[0]; s.Memory.Peak == 0 || s.Tokens == 0 {
			t.Errorf("%s: %+v", loss, s)
		}
		products[loss] = p.Stages[0].FlopsOf.Products
	}
	if r := products["dpo"] / products["orpo"]; r < 1.2 || r > 1.7 {
		t.Errorf("dpo takes %.2f of orpo's products", r)
	}
}
