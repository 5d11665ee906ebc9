package dataconvert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/pipelines/demo/scenes"
)

// memory is a source of rows.
type memory []datasets.Sample

func (m memory) Len() int     { return len(m) }
func (m memory) Close() error { return nil }
func (m memory) At(i int) (datasets.Sample, error) {
	s := m[i]
	s.Origin = fmt.Sprintf("memory:%d", i)
	return s, nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rows are samples with a picture each but for every fourth.
func rows(t *testing.T, n int) memory {
	t.Helper()
	src, err := scenes.Open(fmt.Sprintf("tune?n=%d&seed=2", n))
	must(t, err)
	var out memory
	for s, err := range datasets.All(src) {
		must(t, err)
		if len(out)%4 == 3 {
			s.Pictures = nil
			for i := range s.Turns {
				s.Turns[i].Value = strings.ReplaceAll(s.Turns[i].Value, datasets.ImageMarker+"\n", "")
			}
		}
		s.ID = fmt.Sprintf("<%d> & é", len(out))
		out = append(out, s)
	}
	return out
}

// plainly are rows without what differs between files: where they and their pictures are from.
func plainly(t *testing.T, src datasets.Source) (out []datasets.Sample) {
	t.Helper()
	for s, err := range datasets.All(src) {
		must(t, err)
		s.Origin = ""
		s.Pictures = slices.Clone(s.Pictures)
		for i := range s.Pictures {
			s.Pictures[i].Bytes, s.Pictures[i].Path = bytes.Clone(s.Pictures[i].Bytes), ""
		}
		out = append(out, s)
	}
	return out
}

func open(t *testing.T, path string) datasets.Source {
	t.Helper()
	src, err := datasets.Open(path)
	must(t, err)
	t.Cleanup(func() { src.Close() })
	return src
}

// tree is the content of all files in a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(b)
		return err
	}))
	return out
}

// What is written is read back as the same rows, whatever the form and the shards.
func TestForms(t *testing.T) {
	one := rows(t, 10)
	several := slices.Clone(one)
	several[5].Pictures = append(slices.Clone(one[5].Pictures), one[0].Pictures[0])
	several[5].Turns = append([]datasets.Turn{{From: datasets.Human, Value: datasets.ImageMarker + datasets.ImageMarker + "which?"}}, one[5].Turns[1:]...)
	several[6].Turns = slices.Clone(one[6].Turns)
	several[6].Turns[1].Context = true
	for _, form := range Forms() {
		for name, src := range map[string]memory{"one picture": one, "several pictures and weights": several} {
			t.Run(form+", "+name, func(t *testing.T) {
				switch form {
				case LLaVA:
					src = one
				case CSV:
					src = asked(one)
				}
				dir := filepath.Join(t.TempDir(), "new", "out")
				res, err := Convert(context.Background(), src, dir, Options{To: form, RowsPerShard: 4})
				must(t, err)
				if want := map[string]int{LLaVA: 1}[form]; res.Rows != 10 || want > 0 && res.Shards != want || want == 0 && res.Shards != 3 {
					t.Errorf("found %+v", res)
				}
				if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 1 {
					t.Errorf("beside it: %v", left)
				}
				want := plainly(t, src)
				same(t, plainly(t, open(t, dir)), want)
			})
		}
	}
}

// asked are rows of one question each.
func asked(src memory) (out memory) {
	for _, s := range src {
		s.Turns = slices.Clone(s.Turns[:2])
		s.Turns[0].Value += "\na \"line\", or two"
		out = append(out, s)
	}
	return out
}

func same(t *testing.T, got, want []datasets.Sample) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("row %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// stopping is a source that ends the context when the row is read for the second time.
type stopping struct {
	memory
	row  int
	seen *int
	stop func()
}

func (s stopping) At(i int) (datasets.Sample, error) {
	if i == s.row {
		if *s.seen++; *s.seen == 2 {
			s.stop()
		}
	}
	return s.memory.At(i)
}

// A conversion that was stopped goes on with its finished shards, which stay the files that they are, and ends with the same bytes.
func TestGoesOn(t *testing.T) {
	for _, form := range Forms() {
		t.Run(form, func(t *testing.T) {
			src := rows(t, 10)
			if form == CSV {
				src = asked(src)
			}
			root := t.TempDir()
			want, out := filepath.Join(root, "want"), filepath.Join(root, "out")
			opt := Options{To: form, RowsPerShard: 3}
			_, err := Convert(context.Background(), src, want, opt)
			must(t, err)
			ctx, cancel := context.WithCancel(context.Background())
			_, err = Convert(ctx, stopping{src, 7, new(int), cancel}, out, opt)
			if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "shards are finished") {
				t.Fatalf("found %v", err)
			}
			if _, err := os.Stat(out); !os.IsNotExist(err) {
				t.Errorf("the directory is there: %v", err)
			}
			work := workDir(out)
			must(t, os.WriteFile(filepath.Join(work, ".moslava-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ"), []byte("half"), 0o666)) // as a process that is killed leaves it
			before := map[string]os.FileInfo{}
			for name := range tree(t, work) {
				if before[name], err = os.Stat(filepath.Join(work, name)); err != nil {
					t.Fatal(err)
				}
			}
			res, err := Convert(context.Background(), src, out, opt)
			must(t, err)
			if form != LLaVA && res.Kept != 2 {
				t.Errorf("found %+v, want 2 shards kept", res)
			}
			if got, want := tree(t, out), tree(t, want); !reflect.DeepEqual(got, want) {
				t.Error("other files")
			}
			for name, was := range before {
				if is, err := os.Stat(filepath.Join(out, name)); !strings.Contains(name, "tmp") && (err != nil || !os.SameFile(was, is)) {
					t.Errorf("%s was written again", name)
				}
			}
			if left, _ := os.ReadDir(root); len(left) != 2 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// What was begun of other rows is removed, and said so; what nobody has left is not touched.
func TestOtherRows(t *testing.T) {
	src := rows(t, 10)
	out := filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Convert(ctx, stopping{src, 7, new(int), cancel}, out, Options{RowsPerShard: 3}); err == nil {
		t.Fatal("not stopped")
	}
	var told bytes.Buffer
	src[2].Turns = []datasets.Turn{{From: datasets.Human, Value: "other"}, {From: datasets.GPT, Value: "rows"}}
	src[2].Pictures = nil
	res, err := Convert(context.Background(), src, out, Options{RowsPerShard: 3, Out: &told})
	if err != nil || res.Kept != 0 || !strings.Contains(told.String(), "removed: what a conversion of other rows") {
		t.Errorf("%v, %+v, %s", err, res, &told)
	}
	same(t, plainly(t, open(t, out)), plainly(t, src))
	out = filepath.Join(t.TempDir(), "out")
	must(t, os.Mkdir(workDir(out), 0o777))
	if _, err := Convert(context.Background(), src, out, Options{}); err == nil || !strings.Contains(err.Error(), "no conversion has left it") {
		t.Errorf("found %v", err)
	}
}

// changing is a source whose rows differ when they are read again.
type changing struct {
	memory
	reads *int
}

func (c changing) At(i int) (datasets.Sample, error) {
	s, err := c.memory.At(i)
	*c.reads++
	s.ID = fmt.Sprint(*c.reads)
	return s, err
}

func TestRefuses(t *testing.T) {
	src := rows(t, 3)
	with := func(change func(*datasets.Sample)) memory {
		m := slices.Clone(src)
		m[1].Turns = slices.Clone(m[1].Turns)
		change(&m[1])
		return m
	}
	full := t.TempDir()
	must(t, os.WriteFile(filepath.Join(full, "keep"), nil, 0o666))
	for name, c := range map[string]struct {
		src  datasets.Source
		dir  string
		opt  Options
		want string
	}{
		"no rows":   {src: memory{}, want: "there are no rows; nothing was written"},
		"form":      {src: src, opt: Options{To: "pdf"}, want: `no form "pdf" to write, expected one of arrow, parquet`},
		"split":     {src: src, opt: Options{Split: "a/b"}, want: `the split is called "a/b"`},
		"not empty": {src: src, dir: full, want: "is not empty"},
		"a text":    {src: with(func(s *datasets.Sample) { *s = datasets.Sample{Text: "all"} }), want: "memory:1: sample"},
		"patches":   {src: with(func(s *datasets.Sample) { s.Dense = []string{"red"} }), want: "a word for each patch"},
		"a picture": {src: src, opt: Options{Picture: func([]byte) error { return errors.New("no picture") }}, want: "memory:0: picture 1 (\"\"): no picture; nothing was written"},
		"LLaVA":     {src: with(func(s *datasets.Sample) { s.Turns[1].Context = true }), opt: Options{To: LLaVA}, want: "LLaVA's JSON cannot say so"},
		"CSV":       {src: with(func(s *datasets.Sample) { s.Turns = append(s.Turns, s.Turns...) }), opt: Options{To: CSV}, want: "one question and its answer in a row"},
		"CSV, pictures": {src: with(func(s *datasets.Sample) { s.Turns = s.Turns[:2]; s.Turns[0].Value = "what?" + datasets.ImageMarker }), opt: Options{To: CSV},
			want: "one question and its answer"}, // of the first row
		"changes":      {src: changing{src, new(int)}, want: "the data changes while it is converted"},
		"fewer than 0": {src: src, opt: Options{RowsPerShard: -1}, want: "no negative number"},
	} {
		dir := c.dir
		if dir == "" {
			dir = filepath.Join(t.TempDir(), "out")
		}
		if _, err := Convert(context.Background(), c.src, dir, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: found %v, want %q", name, err, c.want)
		}
		if left, _ := os.ReadDir(filepath.Dir(dir)); c.dir == "" && len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// Shards are cut before they are larger than asked, by what is stored in them.
func TestShardBytes(t *testing.T) {
	src := rows(t, 12)
	for form, several := range map[string]bool{Arrow: true, JSONL: false} {
		res, err := Convert(context.Background(), src, filepath.Join(t.TempDir(), "out"), Options{To: form, ShardBytes: 12000})
		must(t, err)
		if several != (res.Shards > 1) {
			t.Errorf("%s: %d shards", form, res.Shards)
		}
	}
}
