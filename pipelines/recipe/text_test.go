package recipe

import (
	"slices"
	"testing"
)

// TestTextOnly: what a stage trains by default has no parts that a decoder alone lacks, and a shared model stays a decoder.
func TestTextOnly(t *testing.T) {
	r, err := words.Parse("r.yaml", []byte(`name: s
model: {language: l, init: random, expand: 1}
stages:
- {kind: pretrain, data: d}
- {kind: tune, data: d, adapters: {language: {}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{PartLanguage, PartAdapters} {
		if got := r.Stages[i].Train.Train; !slices.Equal(got, []string{want}) {
			t.Errorf("stage %d trains %v, want %s", i, got, want)
		}
	}
	if m := r.Model; !m.TextOnly() || m.Projector != (Projector{}) || m.FeatureLayer != nil || m.SelectStrategy != "" {
		t.Errorf("the model is %+v", m)
	}
	cell, err := r.Select(Selection{Stages: []string{"tune"}, From: "shared"})
	if err != nil {
		t.Fatal(err)
	}
	if m := cell.Model; m.Language != "shared" || m.From != "" || m.Init != "load" || m.Expand != 1 {
		t.Errorf("with another model it is %+v", m)
	}
}
