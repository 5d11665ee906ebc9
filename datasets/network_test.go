package datasets

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/internal/remote/remotetest"
)

// network serves a folder as a web server does.
func network(t *testing.T, dir string) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	return s.URL
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "")
	if err == nil {
		err = os.Setenv("MOSLAVA_CACHE", dir)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// TestNetwork: files of every form have the same samples by an address as by their path.
func TestNetwork(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"caption.jsonl", "question_answer.arrow", "question_answer.parquet"} {
		b, err := os.ReadFile(filepath.Join("testdata", "rows", name))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), string(b))
	}
	if err := os.Mkdir(filepath.Join(dir, "images"), 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "images", "a.png"), "A")
	table := "image,question,answer\na.png,q,a\n,r,b\n"
	put(t, filepath.Join(dir, "rows.csv"), table)
	put(t, filepath.Join(dir, "rows.csv.gz"), packedAs(t, ".gz", table))
	at := network(t, dir)
	list, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil || len(list) != 5 {
		t.Fatal(list, err)
	}
	read := 0
	for _, path := range list {
		want, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open(at + "/" + filepath.Base(path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got.Len() != want.Len() || got.Len() == 0 {
			t.Errorf("%s: %d rows, want %d", path, got.Len(), want.Len())
		}
		for i := range want.Len() {
			a, errA := got.At(i)
			b, errB := want.At(i)
			a.Origin, b.Origin = "", ""
			if (errA == nil) != (errB == nil) || !reflect.DeepEqual(a, b) {
				t.Errorf("%s row %d: %+v, %v, want %+v, %v", path, i, a, errA, b, errB)
			}
			if errA == nil {
				read++
			}
		}
		if err := got.Close(); err != nil {
			t.Error(err)
		}
		want.Close()
	}
	if read < 6 {
		t.Errorf("%d rows were read", read)
	}
}

// TestNetworkRefuses: what cannot be read over the network is one error with the address.
func TestNetworkRefuses(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "rows.jsonl"), `{"image": "../x.png", "question": "q", "answer": "a"}
{"image": "http://other/x.png", "question": "q", "answer": "a"}
{"image": "gone.png", "question": "q", "answer": "a"}
`)
	put(t, filepath.Join(dir, "rows.txt"), "x")
	at := network(t, dir)
	s, err := Open(at + "/rows.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, want := range []string{"expected a path below " + at, "expected a path below " + at, "there is no such object"} {
		if _, err := s.At(i); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "rows.jsonl") {
			t.Errorf("row %d: %v, want %q", i, err, want)
		}
	}
	for path, want := range map[string]string{
		at + "/none.jsonl":       "there is no such object",
		at + "/rows.txt":         "extension",
		at + "/rows.jsonl?a=b":   "has a query",
		at + "/*.jsonl":          "cannot list",
		at + "/rows{0..1}.jsonl": "there is no such object",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenWith(at+"/rows.jsonl", Options{Context: ctx}); err == nil {
		t.Error("a context that has ended reads on")
	}
}

// TestBucket: folders and patterns of a bucket are what they are on a disk.
func TestBucket(t *testing.T) {
	s := remotetest.New(t)
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", "rows", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, split := range []string{"train", "test"} {
		for i := range 2 {
			s.Put(fmt.Sprintf("/bkt/hub/data/%s-0000%d-of-00002.parquet", split, i), read("question_answer.parquet"))
		}
	}
	s.Put("/bkt/json/rows.jsonl", []byte(`{"image": "a.png", "caption": "red"}`+"\n"))
	s.Put("/bkt/json/images/a.png", []byte("A"))
	s.Put("/bkt/pictures/train/x.png", []byte("X"))
	s.Put("/bkt/pictures/train/x.txt", []byte("a cross"))
	s.Put("/bkt/pictures/train/metadata.csv", []byte("file_name,text\nx.png,a cross\n"))
	s.Put("/bkt/hub/data/a.png", []byte("A"))
	for _, c := range []struct {
		path  string
		opt   Options
		rows  int
		wrong string
	}{
		{"s3://bkt/hub", Options{Split: "train"}, 2, ""},
		{"gs://bkt/hub/data", Options{Split: "test"}, 2, ""},
		{"s3://bkt/hub", Options{}, 0, "holds the splits"},
		{"s3://bkt/hub/data/train-*.parquet", Options{}, 2, ""},
		{"s3://bkt/hub/data/test-0000{0..1}-of-00002.parquet", Options{}, 2, ""},
		{"s3://bkt/json", Options{}, 1, ""},
		{"s3://bkt/json/rows.jsonl", Options{}, 1, ""},
		{"s3://bkt/pictures/train", Options{}, 1, ""},
		{"s3://bkt/pictures/train", Options{Split: "none"}, 0, "no split"},
		{"s3://bkt/nothing", Options{}, 0, "no such object"},
	} {
		src, err := OpenWith(c.path, c.opt)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), "bkt") {
				t.Errorf("%s: %v, want %q", c.path, err, c.wrong)
			}
			continue
		}
		if err != nil || src.Len() != c.rows {
			t.Errorf("%s: %v, %v", c.path, src, err)
			continue
		}
		for i := range src.Len() {
			if x, err := src.At(i); err != nil || len(x.Turns) != 2 || x.Check() != nil {
				t.Errorf("%s: %+v, %v", c.path, x, err)
			}
		}
		src.Close()
	}
}
