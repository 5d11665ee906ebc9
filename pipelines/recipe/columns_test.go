package recipe

import (
	"reflect"
	"strings"
	"testing"
)

// TestColumns: names of columns by the keys that they are taken for, a prompt and a split.
func TestColumns(t *testing.T) {
	text := `
name: x
model: {from: m}
stages:
  - kind: align
    data: {path: d, split: train, prompt: "What is it?", columns: {image: photo, caption: "${COLUMN}"}}
`
	t.Setenv("COLUMN", "alt text")
	r, err := words.Parse("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := r.Stages[0].Train.Sources[0]
	if want := (Columns{{"image", "photo"}, {"caption", "alt text"}}); !reflect.DeepEqual(s.Columns, want) || s.Prompt != "What is it?" || s.Split != "train" {
		t.Errorf("%+v", s)
	}
	if b, err := r.StageJSON(0); err != nil || !strings.Contains(string(b), `"columns":[{"key":"image","name":"photo"},{"key":"caption","name":"${COLUMN}"}]`) {
		t.Errorf("%s, %v", b, err)
	}
	for old, c := range map[string][2]string{
		"image: photo":  {"picture: photo", "columns.picture: is no key of rows; "},
		"columns: {":    {"columns: [", ""},
		"path: d":       {`path: "scenes:tune"`, "columns, prompt and split are about stored rows"},
		"split: train,": {"split: [train],", "split"},
	} {
		if _, err := words.Parse("r.yaml", []byte(strings.Replace(text, old, c[0], 1))); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, want %q", c[0], err, c[1])
		}
	}
	list := strings.Replace(text, `columns: {image: photo, caption: "${COLUMN}"}`, "columns: [image]", 1)
	if _, err := words.Parse("r.yaml", []byte(list)); err == nil || !strings.Contains(err.Error(), "is a list, expected a mapping from keys of rows to names of columns") {
		t.Errorf("error %v", err)
	}
}
