package suites

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeQuestions(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "openbookqa")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test.json")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// openCommonsense reads a file as a list of questions, whatever it looks like.
func openCommonsense(path string) (*Suite, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return readCommonsense(path, raw, Options{})
}

func TestWrongCommonsense(t *testing.T) {
	twoQuestions, err := os.ReadFile("testdata/openbookqa/test.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"input": ""`, `"input": "x"`, `row 0: found input "x", expected none`},
		{`"answer": "answer2"`, `"answer": "answer4"`, `row 1: found answer "answer4", expected one that the instruction offers`},
		{`"answer": "answer2"`, `"note": "answer4"`, "row 1: found no instruction or no answer"},
		{`answer1/answer2/answer3"`, `A/B"`, `row 0: found answer format "A", expected words such as`},
		{`Answer format:`, `Form:`, `row 0: found no "Answer format:"`},
		{`[`, `{`, "expected an array of questions"},
	} {
		path := writeQuestions(t, strings.Replace(string(twoQuestions), c.old, c.new, 1))
		if _, err := openCommonsense(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q", c.new, err, c.want)
		}
	}
}

func TestCommonsenseFile(t *testing.T) {
	s, err := openCommonsense("testdata/openbookqa/test.json")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "openbookqa" || len(s.Items) != 2 || s.Family != Commonsense || s.Items[1].Answer != "B" || s.Items[0].Category != "openbookqa" {
		t.Errorf("%+v", s)
	}
}
