package stages

import (
	"path/filepath"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/models"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// commonsense is a recipe of text alone: the decoder's adapters are trained on and asked questions of our own, with four beams.
const commonsense = alone + `stages:
- kind: tune
  data: {path: commonsense.json, format: llm-adapters}
  batch: 3
  steps: 2
  adapters: {language: {r: 4, mixer: orthogonal, targets: [q_proj, v_proj]}}
- kind: evaluate
  suites: {tsv: commonsense.json, protocol: llm-adapters, limit: 2}
`

func TestCommonsense(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, recipetest.Parse(t, dir, commonsense))
	res, err := score.ReadResult(filepath.Join(dir, "01-evaluate/commonsense", score.ResultFile))
	if err != nil {
		t.Fatal(err)
	}
	if res.Overall.N != 2 || res.Protocol != protocols.LLMAdapters {
		t.Errorf("%d questions under %s", res.Overall.N, res.Protocol)
	}
	fails(t, recipetest.Parse(t, t.TempDir(), strings.ReplaceAll(commonsense, "protocol: llm-adapters", "protocol: letter-logit")), "suite commonsense: found protocol letter-logit for a suite of commonsense")
	fails(t, recipetest.Parse(t, t.TempDir(), strings.ReplaceAll(commonsense, "tsv: commonsense.json", `tsv: "scenes:test?n=6", name: commonsense`)), "suite commonsense: found protocol llm-adapters for a suite of")
}

// Every id of a sample is learnt, and an end besides; its text is what was stored.
func TestEncodeText(t *testing.T) {
	r, err := recipes.Parse("testdata/inline.yaml", []byte("name: inline\n"+commonsense))
	if err != nil {
		t.Fatal(err)
	}
	_, p, err := models.Base(r)
	if err != nil {
		t.Fatal(err)
	}
	src, err := datasets.OpenWith("testdata/commonsense.json", datasets.Options{Format: datasets.FormatLLMAdapters})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s, err := src.At(0)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, p, s)
}

func checkText(t *testing.T, p *vlm.Processor, s datasets.Sample) {
	t.Helper()
	e, err := p.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	n := len(e.IDs)
	if got := p.Tokenizer.Decode(e.IDs[:n-1], true); got != s.Text || e.IDs[n-1] != p.StopIDs()[0] || len(e.Images) != 0 {
		t.Errorf("ids are of %q and end in %d", got, e.IDs[n-1])
	}
	for i := range e.IDs {
		if e.Labels[i] != e.IDs[i] {
			t.Fatalf("label %d is %d, the id %d", i, e.Labels[i], e.IDs[i])
		}
	}
}
