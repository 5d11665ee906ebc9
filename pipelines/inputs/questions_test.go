package inputs_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
)

func picture(t *testing.T, path string, c color.Gray) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 4, 4))
	for i := range m.Pix {
		m.Pix[i] = c.Y
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, d suites.Data) *suites.Suite {
	t.Helper()
	s, err := inputs.OpenQuestions(context.Background(), &d, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestQuestionsOfConversations: each answer that is learnt is an item, asked as it stands; pictures of a turn that is not shown stand in front.
func TestQuestionsOfConversations(t *testing.T) {
	dir := t.TempDir()
	picture(t, filepath.Join(dir, "a.png"), color.Gray{Y: 9})
	picture(t, filepath.Join(dir, "same.png"), color.Gray{Y: 9})
	path := filepath.Join(dir, "talks.json")
	write(t, path, `[{"id":"x","image":"a.png","category":"c","system":"be brief","conversations":[{"from":"human","value":"<image>\nfirst? "},
		{"from":"gpt","value":"1"},{"from":"human","value":"second?"},{"from":"gpt","value":"2"},{"from":"human","value":"third?"},{"from":"gpt","value":"3","weight":0}]},
		{"image":"same.png","conversations":[{"from":"human","value":"look at <image> here"},{"from":"gpt","value":"4"}]}]`)
	s := open(t, suites.Data{Sources: []suites.Samples{{Path: path}}})
	if s.Name != "talks" || s.Family != suites.Own || s.Kind != suites.Open || len(s.Items) != 3 {
		t.Fatalf("%s of %s, %s: %d items", s.Name, s.Family, s.Kind, len(s.Items))
	}
	for i, want := range []string{"first? ", "second?", "look at <image> here"} {
		it := s.Items[i]
		if it.Question != want || it.ID != int64(i+1) || it.ImageKey != s.Items[0].ImageKey || it.ImageKey == "" {
			t.Errorf("item %d: %+v", i, it)
		}
	}
	if it := s.Items[1]; it.Answer != "2" || it.Category != "c" || it.Source != "row 0, answer 2" || len(it.Before) != 1 || it.Before[0].Role != "system" {
		t.Errorf("second item: %+v", it)
	}
	if b, err := s.Picture(s.Items[2].ImageKey); err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Errorf("picture: %d bytes, %v", len(b), err)
	}
	h := open(t, suites.Data{Sources: []suites.Samples{{Path: path}}, History: true})
	if it := h.Items[1]; it.Question != "second?" || len(it.Before) != 3 || it.Before[1].Text != "<image>\nfirst? " || it.Before[2] != (suites.Said{Role: "assistant", Text: "1"}) {
		t.Errorf("with history: %+v", it)
	}
	if h.Version == s.Version {
		t.Error("history changes nothing in the version")
	}
}

// TestQuestionsOfColumns: a table with columns of its own names and a prompt.
func TestQuestionsOfColumns(t *testing.T) {
	dir := t.TempDir()
	picture(t, filepath.Join(dir, "a.png"), color.Gray{Y: 9})
	path := filepath.Join(dir, "rows.tsv")
	write(t, path, "photo\tq\ta\tkind\na.png\thow many?\t\"[\"\"2\"\", \"\"two\"\"]\"\tcount\na.png\tcolour?\tred\tcolour\n")
	s := open(t, suites.Data{Sources: []suites.Samples{{Path: path, Prompt: "Q: {question}", Columns: map[string]string{"image": "photo", "question": "q", "answers": "a", "category": "kind"}}}})
	if it := s.Items[0]; it.Question != "Q: how many?" || it.Answer != "2" || !slices.Equal(it.Answers, []string{"2", "two"}) || it.Category != "count" {
		t.Errorf("%+v", it)
	}
	for text, want := range map[string]string{
		"question\tanswer\nx\t\n": "empty", "question\tanswer\timage\nx\ty\tnone.png\n": "none.png",
	} {
		write(t, path, text)
		_, err := inputs.OpenQuestions(context.Background(), &suites.Data{Sources: []suites.Samples{{Path: path}}}, "n")
		if want == "empty" { // a question without an answer is asked and not scored
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "suite n") {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
	}
}

func TestIsData(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]struct {
		text string
		data bool
	}{
		"suite.tsv": {"index\tquestion\tanswer\n", false}, "own.tsv": {"question\tanswer\n", true}, "own.csv": {"image,question,answer\n", true}, "suite.csv": {"\ufeff\"index\",question\n", false},
		"talks.json": {`[{"id":"1","conversations":[]}]`, true}, "set.json": {`[{"instruction":"x","answer":"true"}]`, false}, "vqa.json": {`{"data":[]}`, false},
		"mmmu.json": {`[{"id":"a","question_type":"open"}]`, false}, "rows.json": {`{"question":"a","answer":"b"}`, true}, "rows.jsonl": {"", true}, "d.yaml": {"", false}, "broken.json": {"x", false},
	} {
		path := filepath.Join(dir, name)
		write(t, path, want.text)
		if got := inputs.IsData(path); got != want.data {
			t.Errorf("%s is data: %v", name, got)
		}
	}
	if !inputs.IsData(dir) || inputs.IsData("scenes:test?n=6") || inputs.IsData(filepath.Join(dir, "gone.tsv")) {
		t.Error("a folder is data, scenes and what is not there are none")
	}
}
