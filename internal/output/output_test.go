package output

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/lock"
)

func write(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(path), 0o666)); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func TestDir(t *testing.T) {
	root := t.TempDir()
	dir, temp := filepath.Join(root, "new", "out"), ".moslava-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	release, err := Dir(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dir(dir+"/.", Options{}); !errors.As(err, new(*lock.HeldError)) {
		t.Errorf("a second time: %v", err)
	}
	if err := release(); err != nil || exists(dir) {
		t.Errorf("%v; the directory exists: %t", err, exists(dir))
	}
	write(t, filepath.Join(dir, temp))
	write(t, filepath.Join(root, "new", temp))
	mine := Options{Mine: func(name string) bool { return name == "verdicts" }}
	for _, opt := range []Options{{}, mine} {
		if release, err = Dir(dir, opt); err != nil {
			t.Fatal(err)
		}
		if exists(filepath.Join(dir, temp)) || exists(filepath.Join(root, "new", temp)) {
			t.Error("a leftover is there still")
		}
		release()
		write(t, filepath.Join(dir, "verdicts"))
	}
	write(t, filepath.Join(dir, "thesis"))
	for _, opt := range []Options{{}, mine} {
		var occupied *OccupiedError
		if _, err := Dir(dir, opt); !errors.As(err, &occupied) || !strings.Contains(err.Error(), "--force") || !strings.Contains(err.Error(), "out~1") {
			t.Errorf("what somebody else wrote: %v", err)
		}
	}
	for range 2 {
		write(t, filepath.Join(dir, temp))
		mine.Force = true
		if release, err = Dir(dir+string(filepath.Separator), mine); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "verdicts"))
		release()
	}
	if !exists(filepath.Join(root, "new", "out~1", "thesis")) || !exists(filepath.Join(root, "new", "out~2", "verdicts")) {
		t.Error("nothing was set aside")
	}
	if exists(filepath.Join(root, "new", "out~1", temp)) || exists(filepath.Join(root, "new", "out~2", temp)) {
		t.Error("a leftover was set aside")
	}
	if _, err := Dir(filepath.Join(dir, "verdicts"), Options{}); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file: %v", err)
	}
}

// TestReads: force does not help where a command would set aside what it reads.
func TestReads(t *testing.T) {
	root := t.TempDir()
	model := filepath.Join(root, "models", "x")
	write(t, filepath.Join(model, "config.json"))
	for path, ok := range map[string]bool{model: false, filepath.Join(root, "models"): false, filepath.Join(model, "eval"): true, filepath.Join(root, "out"): true} {
		release, err := Dir(path, Options{Reads: []string{"", model}, Force: true})
		if ok != (err == nil) || !ok && !strings.Contains(err.Error(), "which is read") {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			release()
		}
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	release, err := File(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := File(path, Options{}); !errors.As(err, new(*lock.HeldError)) {
		t.Errorf("a second time: %v", err)
	}
	release()
	write(t, path)
	if _, err := File(path, Options{}); !errors.As(err, new(*OccupiedError)) {
		t.Errorf("it exists: %v", err)
	}
	if release, err = File(path, Options{Force: true}); err != nil || !exists(path+"~1") || exists(path) {
		t.Fatalf("by force: %v", err)
	}
	release()
	if !exists(path) || exists(path+"~1") {
		t.Error("nothing was written, and what was there is set aside still")
	}
	if release, err = File(path, Options{Force: true}); err != nil {
		t.Fatal(err)
	}
	write(t, path)
	release()
	if !exists(path) || !exists(path+"~1") {
		t.Error("what was written, or what was there before, is gone")
	}
}

// TestNothingWritten: who takes a place and writes nothing leaves all as it was.
func TestNothingWritten(t *testing.T) {
	root := t.TempDir()
	dir, old := filepath.Join(root, "a", "b", "c"), filepath.Join(root, "old")
	write(t, filepath.Join(old, "thesis"))
	for _, path := range []string{dir, old} {
		release, err := Dir(path, Options{Force: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.MkdirAll(path, 0o777), release()); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{filepath.Join(root, "a"): false, filepath.Join(old, "thesis"): true, old + "~1": false} {
		if exists(path) != want {
			t.Errorf("%s is there: %v", path, !want)
		}
	}
	if _, err := Dir(dir, Options{Reads: []string{dir}}); err == nil || exists(filepath.Join(root, "a")) {
		t.Errorf("refused: %v", err)
	}
	held, err := Dir(filepath.Join(root, "a", "x"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if release, err := Dir(filepath.Join(root, "a", "y"), Options{}); err != nil {
		t.Fatal(err)
	} else if release(); !exists(filepath.Join(root, "a")) {
		t.Error("a directory that another process writes to is gone")
	}
	write(t, filepath.Join(root, "a", "x", "result"))
	if held(); !exists(filepath.Join(root, "a", "x", "result")) {
		t.Error("what was written is gone")
	}
}
