package datasets

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestCategory: the category of a row, and all answers that it accepts, come with it in every form of text.
func TestCategory(t *testing.T) {
	for name, text := range map[string]string{
		"a.jsonl": `{"question":"q","answers":["b","a","b"],"category":"colour"}` + "\n",
		"a.csv":   "question,answers,category\nq,\"[\"\"b\"\", \"\"a\"\", \"\"b\"\"]\",colour\n",
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := src.At(0)
		if err != nil || s.Category != "colour" || s.Turns[1].Value != "b" || !slices.Equal(s.Turns[1].Also, []string{"a"}) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "b.jsonl")
	rows := `{"question":"q","answer":"a","kind":7}` + "\n" + `{"question":"q","answer":"a","kind":["x"]}` + "\n" +
		`{"question":"q","multiple_choice_answer":"a","answers":[{"answer":"b"}]}` + "\n"
	if err := os.WriteFile(path, []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := OpenWith(path, Options{Columns: map[string]string{"category": "kind"}})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for i, want := range []string{"7", "", ""} {
		if s, err := src.At(i); err != nil || s.Category != want || s.Turns[1].Also != nil {
			t.Errorf("row %d: %+v, %v", i, s, err)
		}
	}
}
