package inspect

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/datasets"
)

// Stored samples are counted, and what keeps them from being learnt is named.
func TestSamples(t *testing.T) {
	const rows = "../../datasets/testdata/rows/"
	r := look(t, rows+"weight_0.parquet", Options{Check: true})
	if s := r.Samples; r.Kind != "parquet" || r.Rows != 1 || s == nil || *s != (Samples{Rows: 1, Turns: 4, Answers: 1, Context: 1}) || len(r.Warnings) > 0 {
		t.Errorf("%+v, %+v", r, r.Samples)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil || !strings.Contains(b.String(), "1 rows read, 0 of them bad: 4 turns, 1 answers that are learnt, 1 that are context") {
		t.Errorf("%s, %v", b.String(), err)
	}
	r = look(t, rows+"question_answer.jsonl", Options{Check: true})
	if r.Kind != "json" || r.Samples.Bad != 1 || r.Samples.Pictures != 1 {
		t.Errorf("%+v", r.Samples)
	}
	wantWarnings(t, r, `question_answer.jsonl:0: picture 1: preprocess: 5 bytes starting "a.png": unknown picture format`)
	wantWarnings(t, look(t, rows+"tools.arrow", Options{}), `not a source of samples: `+rows+`tools.arrow:0: key "tools"`)
	if r := look(t, rows+"tools.arrow", Options{Rows: datasets.Options{Ignore: []string{"tools"}}}); r.Rows != 1 || len(r.Warnings) > 0 {
		t.Errorf("%+v", r)
	}
	if r := look(t, "../../datasets/testdata/hf-arrow/saved", Options{Check: true}); r.Samples.Rows+r.Samples.Bad != 60 {
		t.Errorf("%+v", r.Samples)
	}
}

// TestStored: the form, the shape, what columns are used for, the first sample, and splits.
func TestStored(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.png": "A", "train.csv": "photo,q,answer,source\na.png,what?,it,web\na.png,who?,me,web\n", "test.csv": "image,question,answer\na.png,what?,it\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	opt := Options{Check: true, Rows: datasets.Options{Columns: map[string]string{"image": "photo", "question": "q"}}}
	r := look(t, filepath.Join(dir, "train.csv"), opt)
	want := &Stored{Form: "CSV", Shape: "question, answer", First: &First{Pictures: []int{1}, Turns: [][]string{{"human", "<image>\nwhat?"}, {"gpt", "it"}}}}
	columns := []Column{{"photo", "", "image"}, {"q", "", "question"}, {"answer", "", "answer"}, {"source", "", "passed over"}}
	if r.Kind != "csv" || r.Rows != 2 || !reflect.DeepEqual(r.Stored, want) || !reflect.DeepEqual(r.Columns, columns) {
		t.Errorf("%+v, %+v", r, r.Stored)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil || !strings.Contains(b.String(), "2 rows (CSV): question, answer\n") || !strings.Contains(b.String(), "  photo                 image\n") ||
		!strings.Contains(b.String(), "the first sample (1 pictures, 1 bytes)\n  human  \"<image>\\nwhat?\"\n  gpt    \"it\"\n") {
		t.Errorf("%s, %v", b.String(), err)
	}
	r = look(t, dir, Options{})
	if r.Kind != "samples" || r.Stored == nil || r.Stored.Splits["test"] != 1 {
		t.Errorf("%+v, %+v", r, r.Stored)
	}
	wantWarnings(t, r, `split train: `, "name one of the splits")
	if r = look(t, dir, Options{Rows: datasets.Options{Split: "test"}}); r.Rows != 1 || r.Stored.Form != "CSV" {
		t.Errorf("%+v, %+v", r, r.Stored)
	}
}

// TestAddresses: data on the network and patterns are looked at as files are, and what cannot be read is an error.
func TestAddresses(t *testing.T) {
	t.Setenv("MOSLAVA_CACHE", t.TempDir())
	dir := t.TempDir()
	for _, name := range []string{"a-0.csv", "a-1.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("question,answer\nq,a\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer s.Close()
	for path, rows := range map[string]int{s.URL + "/a-0.csv": 1, s.URL + "/a-{0..1}.csv": 2, filepath.Join(dir, "a-*.csv"): 2, filepath.Join(dir, "a-{0,1}.csv"): 2} {
		if r := look(t, path, Options{Check: true}); r.Kind != "csv" || r.Rows != rows || r.Samples.Rows != rows || r.Stored.Shape != "question, answer" || len(r.Warnings) > 0 {
			t.Errorf("%+v", r)
		}
	}
	for path, want := range map[string]string{
		s.URL + "/b.csv": "there is no such object", s.URL + "/": "name the files one by one", filepath.Join(dir, "b-*.csv"): "no file matches", filepath.Join(dir, "a-{0..2}.csv"): "a-2.csv",
	} {
		if _, err := Inspect(path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestUnreadableFolder: a folder of pictures says why it cannot be read.
func TestUnreadableFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.png", "a.txt", "b.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Inspect(dir, Options{}); err == nil || !strings.Contains(err.Error(), "there is no picture beside b.txt") {
		t.Errorf("error %v", err)
	}
}

// TestPairs: rows of two answers are samples of their own kind.
func TestPairs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.jsonl")
	if err := os.WriteFile(path, []byte(`{"question": "what?", "chosen": "it", "rejected": "that"}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := look(t, path, Options{Check: true})
	want := &Stored{Form: "JSON", Shape: "question, chosen, rejected", First: &First{Turns: [][]string{{"human", "what?"}, {"gpt", "it"}, {"rejected", "that"}}}}
	if r.Rows != 1 || !reflect.DeepEqual(r.Stored, want) || len(r.Warnings) > 0 {
		t.Errorf("%+v, %+v", r, r.Stored)
	}
}
