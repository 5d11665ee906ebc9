package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// entries returns the names in dir.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(list))
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("content = %.40q, want %.40q", got, want)
	}
}

func TestWriteFileCreatesAndReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, content := range []string{"first", "", strings.Repeat("x", 3*bufferSize+1)} {
		if err := WriteBytes(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		wantContent(t, path, content)
	}
	if got := entries(t, dir); len(got) != 1 {
		t.Errorf("directory holds %q, want the file alone", got)
	}
}

// TestSteady: what is flushed on its way is what was written, however it is cut.
func TestSteady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	want := bytes.Repeat([]byte("0123456789abcde"), steady/7)
	err := WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(want[:1000])
		if err == nil {
			_, err = w.Write(want[1000:])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d; %v", len(got), len(want), err)
	}
}

func TestFailureLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	if err := WriteBytes(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 2*bufferSize)); err != nil {
			return err
		}
		return syscall.ENOSPC
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error = %v, want it to wrap %v", err, syscall.ENOSPC)
	}
	if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), tempPrefix) {
		t.Errorf("error %v should name %s and not the temporary file", err, path)
	}
	wantContent(t, path, "old")
	if got := entries(t, dir); len(got) != 1 {
		t.Errorf("directory holds %q, want the file alone", got)
	}
}

func TestPanicLeavesNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = WriteFile(filepath.Join(dir, "a"), func(io.Writer) error { panic("broken") })
	}()
	if got := entries(t, dir); len(got) != 0 {
		t.Errorf("directory holds %q, want nothing", got)
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs permission bits, which Windows has not: run on another system")
	}
	dir := t.TempDir()
	path, plain := filepath.Join(dir, "a"), filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []os.FileMode{fresh.Mode(), 0o640, 0o400} {
		if want != fresh.Mode() {
			if err := os.Chmod(path, want); err != nil {
				t.Fatal(err)
			}
		}
		if err := WriteBytes(path, []byte("x")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("mode = %v, want %v", info.Mode(), want)
		}
	}
}

func TestSymlinkIsReplaced(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "blob"), filepath.Join(dir, "link")
	if err := WriteBytes(target, []byte("shared")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("blob", link); err != nil {
		t.Skipf("needs a system and a file system with symbolic links: %v", err)
	}
	if err := WriteBytes(link, []byte("mine")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, target, "shared")
	wantContent(t, link, "mine")
}

func TestLongNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Skipf("needs a file system with names of 255 bytes (TMPDIR chooses it): %v", err)
	}
	if err := WriteBytes(path, []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestRefusedTargets(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]string{
		"a directory":       dir,
		"no such directory": filepath.Join(dir, "none", "a"),
	}
	for name, path := range cases {
		t.Run(name, func(t *testing.T) {
			called := false
			err := WriteFile(path, func(io.Writer) error { called = true; return nil })
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("error = %v, want one naming %s", err, path)
			}
			if called {
				t.Error("write was called although nothing can be written")
			}
		})
	}
}

func TestErrorsOfOtherFilesKeepTheirName(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	err := WriteFile(filepath.Join(t.TempDir(), "copy"), func(w io.Writer) error {
		_, err := os.ReadFile(source)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), source) {
		t.Errorf("error = %v, want it to name %s", err, source)
	}
}

func TestWriteBytesKeepsLargeContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	want := bytes.Repeat([]byte{0, 1, 2, 255}, 1<<20)
	if err := WriteBytes(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("content differs")
	}
}
