package inputs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestFilesOfData: whatever way data are named in, the files that they lie in are hashed.
func TestFilesOfData(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	for _, name := range []string{"hub/data/train-0.parquet", "hub/README.md", "saved/data-0.arrow", "saved/state.json", "split-1/a.arrow", "split-2/b.arrow", "rows.jsonl", "wds/s-00.tar", "wds/s-01.tar", "packed/a.jsonl.gz"} {
		put(t, at(name), []byte("x"))
	}
	for path, want := range map[string][]string{
		"hub":                {"hub", "data/train-0.parquet"},
		"saved":              {"saved", "data-0.arrow", "state.json"},
		"saved/*.arrow":      {"saved", "data-0.arrow"},
		"split-?/*.arrow":    {".", "split-1/a.arrow", "split-2/b.arrow"},
		"rows.jsonl":         {"rows.jsonl", ""},
		"none":               {"none"},
		"packed":             {"packed", "a.jsonl.gz"},
		"wds/s-{00..01}.tar": {"wds", "s-00.tar", "s-01.tar"},
	} {
		dir, names, err := patternOrFiles(at(path), true)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{filepath.ToSlash(rel)}
		for _, n := range names {
			got = append(got, filepath.ToSlash(n))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: found %q, want %q", path, got, want)
		}
	}
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b, 0o666)); err != nil {
		t.Fatal(err)
	}
}
