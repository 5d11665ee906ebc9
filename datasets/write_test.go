package datasets

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestWriteGolden(t *testing.T) {
	for _, from := range []string{"llava", "saved", "cache"} {
		for rows, shards := range map[int]int{0: 1, 60: 1, 17: 4} {
			dir := filepath.Join(t.TempDir(), "out")
			src := mustOpen(t, filepath.Join(golden, from))
			if err := WriteArrow(dir, All(src), WriteOptions{RowsPerShard: rows}); err != nil {
				t.Fatal(err)
			}
			checkRows(t, mustOpen(t, dir), true)
			files, _ := filepath.Glob(filepath.Join(dir, "*.arrow"))
			if len(files) != shards || filepath.Base(files[0]) != fmt.Sprintf("data-00000-of-%05d.arrow", shards) {
				t.Errorf("%s in shards of %d rows: %q, want %d", from, rows, files, shards)
			}
		}
	}
}

func TestWriteMessages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "out")
	src := mustOpen(t, filepath.Join(golden, "messages"))
	err := WriteArrow(dir, All(src), WriteOptions{})
	if err == nil || !strings.Contains(err.Error(), "2 pictures") {
		t.Fatalf("several pictures in one column: %v", err)
	}
	if err := WriteArrow(dir, All(src), WriteOptions{Features: Messages, RowsPerShard: 5}); err != nil {
		t.Fatal(err)
	}
	checkMessages(t, mustOpen(t, dir))
}

// TestWriteEmpty: a data set without rows can be written by a program.
func TestWriteEmpty(t *testing.T) {
	dir := t.TempDir() // an empty folder is taken over
	if err := WriteArrow(dir, func(func(Sample, error) bool) {}, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if s := mustOpen(t, dir); s.Len() != 0 {
		t.Errorf("%d rows, want 0", s.Len())
	}
}

// TestWriteDeterministic: the same rows give the same bytes, fingerprint included.
func TestWriteDeterministic(t *testing.T) {
	var states [2][]byte
	for i := range states {
		dir := filepath.Join(t.TempDir(), "out")
		if err := WriteArrow(dir, All(mustOpen(t, filepath.Join(golden, "saved"))), WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		var err error
		if states[i], err = os.ReadFile(filepath.Join(dir, "state.json")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(states[0], states[1]) {
		t.Error("state.json differs")
	}
}

// TestWriteSizes crosses the limits of record batches and bit masks.
func TestWriteSizes(t *testing.T) {
	const n = maxBatchRows + 9
	want := make([]Sample, n)
	for i := range want {
		want[i] = Sample{Turns: []Turn{{From: System, Value: ""}, {From: Human, Value: "é" + strings.Repeat("x", i%40)}, {From: GPT, Value: fmt.Sprint(i)}}[i%3:]}
		if i%5 != 0 {
			want[i].ID = fmt.Sprint("row ", i)
		}
		if i%3 == 0 {
			want[i].Pictures = []Picture{{Bytes: bytes.Repeat([]byte{byte(i)}, 1+i%7)}}
		}
	}
	want[20].Pictures = []Picture{{make([]byte, maxBatchSize), "deep/in.png"}}
	dir := filepath.Join(t.TempDir(), "out")
	err := WriteArrow(dir, func(yield func(Sample, error) bool) {
		for _, s := range want {
			if !yield(s, nil) {
				return
			}
		}
	}, WriteOptions{Split: "test"})
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	if s.Len() != n {
		t.Fatalf("%d rows, want %d", s.Len(), n)
	}
	for i := range want {
		got := at(t, s, i)
		got.Origin = ""
		if !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("row %d: %q %d bytes %v, want %q %d bytes %v", i, got.ID, len(picture(got)), got.Turns, want[i].ID, len(picture(want[i])), want[i].Turns)
		}
	}
}

// TestWriteFails: nothing is left behind, and what was there stays.
func TestWriteFails(t *testing.T) {
	fine := Sample{Turns: []Turn{{From: Human, Value: "a"}, {From: GPT, Value: "b"}}}
	broken := errors.New("broken row")
	for name, c := range map[string]struct {
		bad  Sample
		err  error
		want string
	}{
		"source error": {err: broken, want: "row 1: broken row"},
		"speaker":      {bad: Sample{ID: "x", Turns: []Turn{{From: "narrator", Value: "a"}}}, want: `row 1: sample "x": turn 0 is from "narrator"`},
		"text":         {bad: Sample{ID: "x", Turns: []Turn{{From: Human, Value: "\xff"}}}, want: "turn 0 is not UTF-8"},
		"id":           {bad: Sample{ID: "\xff"}, want: "is not UTF-8"},
		"no bytes":     {bad: Sample{ID: "x", Pictures: []Picture{{Bytes: []byte{}}}}, want: "picture 0 has 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			err := WriteArrow(filepath.Join(parent, "out"), func(yield func(Sample, error) bool) {
				_ = yield(fine, nil) && yield(c.bad, c.err)
			}, WriteOptions{RowsPerShard: 1})
			if err == nil || !strings.Contains(err.Error(), c.want) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(parent); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "keep"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := WriteArrow(dir, func(func(Sample, error) bool) {}, WriteOptions{}); err == nil {
		t.Error("a folder with files in it was taken over")
	}
}
