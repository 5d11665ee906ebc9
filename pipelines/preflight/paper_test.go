package preflight

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"moslava/pipelines/recipes"
)

// The paper's recipes have the paper's parameters (r on every linear of both towers), less the vision tower's last block.
func TestPlanPaper(t *testing.T) {
	for file, want := range map[string][]string{
		"paper-llama3-8b.yaml": {
			"adapters of language: 167772160 + 917504 (mixers) on 224 layers",
			"adapters of vision: 28311552 + 589824 (mixers) on 144 layers",
			"less 1179648 + 24576 (mixers) on 6 layers, which nothing reads, so that no gradient comes: 27131904 + 565248 (mixers) on 138 layers",
		},
		"paper-internlm2-7b.yaml": { // one adapter on the fused wqkv: five to a block
			"adapters of language: 1207959552 + 41943040 (mixers) on 160 layers",
			"adapters of vision: 28311552 on 144 layers",
			"less 1179648 on 6 layers, which nothing reads, so that no gradient comes: 27131904 on 138 layers",
		},
	} {
		r, err := recipes.Load("../../scripts/recipes/" + file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := MakePlan(context.Background(), r, PlanOptions{Text: 96, Targets: 32, Batches: 1})
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := p.Write(&text); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(text.String(), w) {
				t.Errorf("%s: the plan has no %q:\n%s", file, w, &text)
			}
		}
		trained := 0
		for _, c := range p.Stages[0].Adapters {
			trained += c.Trained.All()
		}
		projector := p.Stages[0].Trainable["projector"]
		if all := p.Stages[0].Trainable["vision"] + p.Stages[0].Trainable["language"]; all != trained || projector != (1024+1)*4096+(4096+1)*4096 {
			t.Errorf("%s: adapters train %d, towers %d, the projector %d", file, trained, all, projector)
		}
	}
}
