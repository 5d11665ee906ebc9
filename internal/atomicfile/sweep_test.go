package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// leftover is the name of a temporary file that a process left which is no more.
const leftover = tempPrefix + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// TestSweep: leftovers go, whatever is being written stays, and so does what only looks alike.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	stay := []string{"model.safetensors", ".tmp-x", tempPrefix + "short", ".moslava-tmp-abcdefghijklmnopqrstuvwxyz"}
	err := errors.Join(os.MkdirAll(filepath.Join(dir, leftover, "in"), 0o777), os.Mkdir(below, 0o777),
		os.WriteFile(filepath.Join(below, leftover), []byte("half"), 0o666))
	for _, name := range stay {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
	live, release, err := TempDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = WriteFile(filepath.Join(below, "a"), func(w io.Writer) error {
		if _, err := io.WriteString(w, "x"); err != nil {
			return err
		}
		return SweepTree(dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, filepath.Join(below, "a"), "x")
	if got := entries(t, below); len(got) != 1 {
		t.Errorf("below are %q, want one file", got)
	}
	want := append(slices.Clone(stay), "below", filepath.Base(live))
	slices.Sort(want)
	if got := entries(t, dir); !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if err := errors.Join(release(), SweepTree(filepath.Join(dir, "none"))); err != nil {
		t.Error(err)
	}
	if got := entries(t, dir); slices.ContainsFunc(got, IsTemp) {
		t.Errorf("left are %q", got)
	}
}

// TestScratch: the next scratch directory takes the place of one that was left.
func TestScratch(t *testing.T) {
	dir := t.TempDir()
	for _, variable := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(variable, dir)
	}
	if err := os.WriteFile(filepath.Join(dir, leftover), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	path, release, err := ScratchDir()
	if err != nil {
		t.Fatal(err)
	}
	if got := entries(t, dir); filepath.Dir(path) != dir || len(got) != 1 {
		t.Errorf("%s; there are %q", path, got)
	}
	if err := release(); err != nil || len(entries(t, dir)) > 0 {
		t.Errorf("%v; left are %q", err, entries(t, dir))
	}
}

// TestNamesReachTheDisk: the directory that has a new name in it is synced, for files, directories and renames.
func TestNamesReachTheDisk(t *testing.T) {
	var synced []string
	Synced = func(dir string) { synced = append(synced, dir) }
	t.Cleanup(func() { Synced = nil })
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "a", "b")
	want := func(what string, dirs ...string) {
		t.Helper()
		if !slices.Equal(synced, dirs) {
			t.Errorf("%s: synced %q, want %q", what, synced, dirs)
		}
		synced = nil
	}
	for range 2 {
		if err := MkdirAll(b); err != nil {
			t.Fatal(err)
		}
	}
	want("two directories", a, root)
	if err := WriteBytes(filepath.Join(b, "f"), nil); err != nil {
		t.Fatal(err)
	}
	want("a file", b)
	if err := Rename(filepath.Join(b, "f"), filepath.Join(a, "f")); err != nil {
		t.Fatal(err)
	}
	want("a rename", a, b)
	c := filepath.Join(root, "c")
	err := WriteDir(c, func(tmp string) error { return WriteBytes(filepath.Join(tmp, "g"), nil) })
	if err != nil || len(synced) != 2 || !IsTemp(filepath.Base(synced[0])) || synced[1] != root {
		t.Errorf("a whole directory: synced %q; %v", synced, err)
	}
	err = WriteDir(filepath.Join(root, "d"), func(tmp string) error { return WriteBytes(filepath.Join(tmp, "none", "g"), nil) })
	if got := entries(t, root); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(root, "d", "none", "g")) || strings.Contains(err.Error(), tempPrefix) || len(got) != 2 {
		t.Errorf("a directory that fails: %v; left are %q", err, got)
	}
	if err := MkdirAll(filepath.Join(a, "f", "x")); err == nil || !strings.Contains(err.Error(), "f") {
		t.Errorf("a directory in a file: %v", err)
	}
}
