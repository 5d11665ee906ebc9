package recipe

import (
	"reflect"
	"strings"
	"testing"
)

// Keys about rows: of all stages, of one stage, and of a source.
func TestRowsOfDataStageAndSource(t *testing.T) {
	text := `
name: x
model: {language: l}
data: {ignore: [tools, video], on_empty: skip}
stages:
  - {kind: pretrain, data: {path: a, ignore: extra, format: llm-adapters, image_first: true}}
  - {kind: tune, data: b, ignore: [other], on_empty: learn, adapters: {language: {r: 4}}}
`
	r, err := words.Parse("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	first, second := r.Stages[0].Train, r.Stages[1].Train
	if s := first.Sources[0]; !reflect.DeepEqual(s.Ignore, []string{"extra"}) || s.Format != "llm-adapters" || !s.ImageFirst {
		t.Errorf("source %+v", s)
	}
	if !reflect.DeepEqual(first.Ignore, []string{"tools", "video"}) || first.OnEmpty != "skip" || len(second.Ignore) != 1 || second.OnEmpty != "learn" {
		t.Errorf("%v %s, %v %s", first.Ignore, first.OnEmpty, second.Ignore, second.OnEmpty)
	}
	for old, c := range map[string][2]string{
		"path: a,":             {`path: "scenes:tune",`, "source 0 is drawn"},
		"format: llm-adapters": {"format: alpaca", `"alpaca" is unknown`},
		"on_empty: learn":      {"on_empty: drop", `"drop" is unknown`},
	} {
		if _, err := words.Parse("r.yaml", []byte(strings.Replace(text, old, c[0], 1))); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, want %q", c[0], err, c[1])
		}
	}
}
