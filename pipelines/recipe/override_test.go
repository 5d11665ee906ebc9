package recipe

import (
	"bytes"
	"strings"
	"testing"
)

func TestOverride(t *testing.T) {
	r := load(t, "seed=7", "stages.tune-llama3.adapters.language.r=8", "stages.1.limit=5", "run_dir=elsewhere",
		"stages.tune-llama3.data=[a, {path: b, weight: 2}]", "stages.evaluate.suites.1.limit=3", "model.projector.type=mlp2x_gelu")
	tune := r.Stages[2].Train
	switch {
	case r.Seed != 7, r.RunDir != "testdata/elsewhere", r.Model.Projector.Type != "mlp2x_gelu":
		t.Errorf("top %+v", r)
	case tune.Adapters.Language.R != 8, tune.Adapters.Language.Alpha != 128, len(tune.Sources) != 2, tune.Sources[1].Weight != 2:
		t.Errorf("tune %+v", tune)
	case r.Stages[1].Train.Limit != 5, tune.Limit != 2000: // the alias keeps what the file says
		t.Errorf("limits %d and %d", r.Stages[1].Train.Limit, tune.Limit)
	case r.Stages[3].Evaluate.Suites[1].Limit != 3:
		t.Errorf("suites %+v", r.Stages[3].Evaluate)
	}
	if err := r.Override([]string{"stages.tune-llama3.lr=1e-4"}); err != nil {
		t.Fatal(err)
	}
	if r.Seed != 7 || r.Stages[2].Train.LR != 1e-4 {
		t.Errorf("seed %d, rate %v", r.Seed, r.Stages[2].Train.LR)
	}
}

// TestOverrideMerged goes into a mapping that << brought in: it becomes the stage's own.
func TestOverrideMerged(t *testing.T) {
	r, err := words.Parse("r.yaml", []byte(`name: s
model: {from: m}
stages:
- &one {kind: tune, name: one, data: d, adapters: &a {language: {r: 4, mixer: none}}}
- {<<: *one, name: two, from: model}
- {kind: tune, name: three, from: model, data: d, adapters: *a}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Override([]string{"stages.two.adapters.language.r=6", "stages.three.adapters.language.r=7"}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{4, 6, 7} {
		if a := r.Stages[i].Train.Adapters.Language; a.R != want || a.Mixer != "none" {
			t.Errorf("stage %d: %+v, want rank %d", i, a, want)
		}
	}
}

func TestOverrideErrors(t *testing.T) {
	for set, want := range map[string]string{
		"seed":                       `expected key.path=value`,
		"=1":                         `expected key.path=value`,
		"a..b=1":                     `"a..b" has an empty part`,
		"seed=[":                     `the value is not YAML`,
		"seed=":                      `seed: is without a value, expected a whole number`,
		"sede=1":                     `sede: unknown key; did you mean "seed"?`,
		"stages.tuna.lr=1":           `stages.tuna: the list has 8 entries and none is called "tuna"`,
		"stages.9.lr=1":              `stages.9: the list has 8 entries`,
		"seed.x=1":                   `seed.x: what it would stand in is the number 1024`,
		"stages.align.lr=2":          ``,
		"stages.align.lr=20":         `stages.1.lr: is 20, expected more than 0 and at most 10`,
		"stages.align.data.0.x=true": `stages.align.data.0.x: what it would stand in is the text "captions"`,
	} {
		r := load(t)
		before, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		err = r.Override([]string{"threads=3", set})
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", set, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), `full.yaml, override "`+set+`": `+want) {
			t.Errorf("%s: error %v, want %q", set, err, want)
		}
		if after, _ := r.JSON(); !bytes.Equal(before, after) {
			t.Errorf("%s: the recipe changed all the same", set)
		}
	}
}
