package recipe

import (
	"strings"
	"testing"
)

// TestOwnSuites: what a suite is made of, and keys that belong to one of the three.
func TestOwnSuites(t *testing.T) {
	text := func(keys, suite string) string {
		return "name: s\nmodel: {from: m}\nstages:\n  - {kind: align, data: d" + keys + "}\n  - {kind: evaluate, suites: [" + suite + "]}\n"
	}
	for _, c := range []struct{ keys, suite, wrong string }{
		{"", "{data: rows.jsonl, prompt: 'x {question}', columns: {image: photo}, split: test, history: true}", ""},
		{", validation: 0.1, validation_by: picture", "{held_out: align, history: true}", ""},
		{"", "{data: d, protocol: number, tolerance: 0.1}", ""},
		{"", "{name: x}", "expected tsv (a table), data (own questions with answers) or held_out"},
		{"", "{tsv: a.tsv, data: d}", "has several of tsv, data and held_out"},
		{"", "{tsv: a.tsv, prompt: x}", "is about rows of data"},
		{", validation: 0.1", "{held_out: align, prompt: x}", "leave this key out: the rows are read as stage align reads them"},
		{", validation: 0.1", "{held_out: alim}", "no earlier training stage is called"},
		{"", "{held_out: align}", "stage align holds nothing out"},
		{"", "{data: d, tolerance: 0.1}", "is for protocol: number"},
		{"", "{data: d, stop_early: true}", "is for circular suites"},
		{", validation_by: picture", "a.tsv", "there is nothing to hold out"},
		{", validation: 0.1, validation_by: folder", "a.tsv", "validation_by"},
	} {
		_, err := words.Parse("r.yaml", []byte(text(c.keys, c.suite)))
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.suite, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s %s: %v, expected %s", c.keys, c.suite, err, c.wrong)
		}
	}
	r, err := words.Parse("r.yaml", []byte(text(", validation: 0.1, validation_by: picture", "{held_out: align}, {held_out: align, blank: true}, {data: a/rows.jsonl}, {tsv: t.tsv}")))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range r.Stages[1].Evaluate.Suites {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "align-held-out align-held-out-blank rows t" || r.Stages[1].Evaluate.Suites[2].Protocol != "" {
		t.Errorf("suites %s", got)
	}
	before := stageJSON(t, r, 1)
	if r.Stages[0].Train.ValidationBy = ""; stageJSON(t, r, 1) == before {
		t.Error("how a stage holds out does not count for whoever asks that share")
	}
}
