package datasets

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/internal/picturefile"
)

const formFiles = "testdata/forms"

// TestForms reads the same three rows out of every form testdata/make.py writes.
func TestForms(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(formFiles, "rows.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		ID      string
		Turns   [][2]string
		Picture string
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	others := map[string][]string{"other_columns.arrow": strings.Split("nbfdtmxlpvwuorcs", "")} // columns of all kinds that nobody knows
	files, _ := filepath.Glob(filepath.Join(formFiles, "*.arrow"))
	if len(files) != 24 {
		t.Errorf("%d files, want 24", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if strings.Contains(file, "compressed") {
				if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "compressed") || !strings.Contains(err.Error(), file) {
					t.Errorf("error %v", err)
				}
				return
			}
			s, err := OpenWith(file, Options{Ignore: others[filepath.Base(file)]})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Len() != len(want) {
				t.Fatalf("%d rows, want %d", s.Len(), len(want))
			}
			for i, w := range want {
				x := at(t, s, i)
				var turns [][2]string
				for _, y := range x.Turns {
					turns = append(turns, [2]string{y.From, y.Value})
				}
				if x.ID != w.ID || picture(x) != w.Picture || len(x.Pictures) > 1 || !reflect.DeepEqual(turns, w.Turns) {
					t.Errorf("row %d: %+v, want %+v", i, x, w)
				}
			}
		})
	}
}

// picture is the bytes of a sample's first picture as text, "" without one.
func picture(x Sample) string {
	if len(x.Pictures) == 0 {
		return ""
	}
	return string(x.Pictures[0].Bytes)
}

// copyFile copies a file into a folder under another name.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// saved copies the golden data set of three shards into a folder to spoil.
func saved(t *testing.T) string {
	dir := t.TempDir()
	files, _ := filepath.Glob(filepath.Join(golden, "saved", "*"))
	for _, f := range files {
		copyFile(t, f, filepath.Join(dir, filepath.Base(f)))
	}
	return dir
}

func edit(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(b), 0o666); err != nil {
		t.Fatal(err)
	}
}

func replace(old, with string) func([]byte) []byte {
	return func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), old, with)) }
}

func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }

func TestOpenRefuses(t *testing.T) {
	second := "data-00001-of-00003.arrow"
	for name, c := range map[string]struct {
		path  string // to open, in a copy of the golden folder
		spoil func(dir string)
		want  string
	}{
		"cut in a body":     {"", func(d string) { edit(t, filepath.Join(d, second), cut(100)) }, second + ": at byte"},
		"cut after batches": {"", func(d string) { edit(t, filepath.Join(d, second), cut(8)) }, second + ": file is cut off after 1 record batches"},
		"cut, count known": {"", func(d string) {
			edit(t, filepath.Join(d, second), cut(8))
			edit(t, filepath.Join(d, "dataset_info.json"), replace(`"homepage"`, `"splits": {"train": {"num_examples": 61}}, "homepage"`))
		}, second + ": 60 rows are there, "},
		"empty shard":        {"", func(d string) { edit(t, filepath.Join(d, second), func([]byte) []byte { return nil }) }, second + ": 0 bytes"},
		"missing shard":      {"", func(d string) { os.Remove(filepath.Join(d, second)) }, second},
		"more after the end": {"", func(d string) { edit(t, filepath.Join(d, second), func(b []byte) []byte { return append(b, b...) }) }, "bytes after the end"},
		"no state": {"", func(d string) {
			os.Remove(filepath.Join(d, second))
			os.Remove(filepath.Join(d, "state.json"))
		}, "2 of the 3 files"},
		"state not JSON": {"", func(d string) { edit(t, filepath.Join(d, "state.json"), cut(10)) }, "state.json: "},
		"state empty":    {"", func(d string) { edit(t, filepath.Join(d, "state.json"), replace("_data_files", "files")) }, "_data_files names no file"},
		"state outside":  {"", func(d string) { edit(t, filepath.Join(d, "state.json"), replace("data-0", "../data-0")) }, "outside the folder"},
		"info not JSON":  {"", func(d string) { edit(t, filepath.Join(d, "dataset_info.json"), cut(10)) }, "dataset_info.json: "},
		"indices": {"", func(d string) {
			edit(t, filepath.Join(d, "state.json"), replace(`"_split"`, `"_indices_data_files": [{"filename": "x"}], "_split"`))
		}, "index file"},
		"splits": {"", func(d string) {
			os.Remove(filepath.Join(d, "state.json"))
			if err := os.WriteFile(filepath.Join(d, "dataset_dict.json"), []byte(`{"splits": ["train", "test"]}`), 0o666); err != nil {
				t.Fatal(err)
			}
		}, "splits train, test"},
		"two sets": {"", func(d string) {
			os.Remove(filepath.Join(d, "state.json"))
			copyFile(t, filepath.Join(formFiles, "plain.arrow"), filepath.Join(d, "plain.arrow"))
		}, "several sets"},
		"nothing there": {"nowhere", nil, "nowhere"},
		"no match":      {"x*.arrow", nil, "no file matches"},
		"wrong match":   {"*", nil, "expected files of one form: .arrow files only"},
		"bad pattern":   {"[", nil, "syntax error"},
		"parquet":       {"rows.parquet", func(d string) { copyFile(t, filepath.Join(d, "state.json"), filepath.Join(d, "rows.parquet")) }, "rows.parquet: not a whole Parquet file"},
		"text":          {"rows.txt", func(d string) { copyFile(t, filepath.Join(d, "state.json"), filepath.Join(d, "rows.txt")) }, `extension ".txt"`},
		"not Arrow":     {"rows.arrow", func(d string) { copyFile(t, filepath.Join(d, "state.json"), filepath.Join(d, "rows.arrow")) }, "rows.arrow: at byte 0"},
		"empty folder":  {"new", func(d string) { os.Mkdir(filepath.Join(d, "new"), 0o777) }, "no state.json, .arrow, .parquet, .tar, .json, .jsonl"},
		"text files": {"new", func(d string) {
			os.Mkdir(filepath.Join(d, "new"), 0o777)
			for _, n := range []string{"a.json", "b.jsonl"} {
				copyFile(t, filepath.Join(d, "state.json"), filepath.Join(d, "new", n))
			}
		}, "a.json, b.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := saved(t)
			if c.spoil != nil {
				c.spoil(dir)
			}
			s, err := Open(filepath.Join(dir, c.path))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) && name != "bad pattern" {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if s != nil {
				t.Error("a source and an error")
			}
		})
	}
}

// TestDeclaredRows: a stream without its end marker is whole if the declared
// number of rows is there; a cache has to have exactly that number, a saved data
// set need not, because select leaves it as it was.
func TestDeclaredRows(t *testing.T) {
	dir := saved(t)
	info := filepath.Join(dir, "dataset_info.json")
	edit(t, info, replace(`"homepage"`, `"splits": {"train": {"num_examples": 77}}, "homepage"`))
	checkRows(t, mustOpen(t, dir), true)
	edit(t, info, replace("77", "60"))
	edit(t, filepath.Join(dir, "data-00002-of-00003.arrow"), cut(8))
	checkRows(t, mustOpen(t, dir), true)

	cache := t.TempDir()
	for _, n := range []string{"generator-train.arrow", "dataset_info.json"} {
		copyFile(t, filepath.Join(golden, "cache", n), filepath.Join(cache, n))
	}
	edit(t, filepath.Join(cache, "dataset_info.json"), replace(`"num_examples": 60`, `"num_examples": 59`))
	for _, p := range []string{cache, filepath.Join(cache, "generator-train.arrow")} {
		if _, err := Open(p); err == nil || !strings.Contains(err.Error(), "60 rows are there, "+filepath.Join(cache, "dataset_info.json")+" says 59") {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestPicturesByPath: where a row's path may lead.
func TestPicturesByPath(t *testing.T) {
	for path, want := range map[string]string{
		"a.png": "", "sub/b.png": "", "missing.png": "is not there; looked for under", "../out.png": "outside", "sub/../../out.png": "outside",
		"/etc/hostname": "outside", "sub": "is a directory", "empty.png": "is empty", "https://example.org/a.png": "not fetched",
	} {
		t.Run(path, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "set")
			if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o777); err != nil {
				t.Fatal(err)
			}
			for name, data := range map[string]string{"a.png": "A", "sub/b.png": "B", "empty.png": "", "../out.png": "O"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			row, _ := json.Marshal(map[string]any{"id": 7, "image": path, "conversations": []map[string]string{{"from": "human", "value": "<image>"}}})
			file := filepath.Join(dir, "rows.jsonl")
			if err := os.WriteFile(file, append(row, '\n'), 0o666); err != nil {
				t.Fatal(err)
			}
			x, err := mustOpen(t, file).At(0)
			if want == "" {
				if err != nil || len(picture(x)) != 1 || x.Pictures[0].Path != path || x.ID != "7" {
					t.Errorf("%+v, %v", x, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file+":0") {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "a.png")
	if err := os.WriteFile(name, []byte("A"), 0o666); err != nil {
		t.Fatal(err)
	}
	if b, err := picturefile.Read([]string{dir}, name); err != nil || string(b) != "A" {
		t.Errorf("an absolute path inside the root: %q, %v", b, err)
	}
}
