//go:build unix

package infile

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadTakesRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("file"), []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, to := range map[string]string{"link": "file", "device": "/dev/zero", "pipe": "fifo", "loop": "loop"} {
		if err := os.Symlink(to, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"file", "link"} {
		if b, err := Read(at(name), 10); err != nil || string(b) != "0123456789" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for name, want := range map[string]string{
		"fifo": "a pipe", "pipe": "a pipe", "socket": "a socket", "device": "a device", ".": "a directory",
	} {
		b, err := Read(at(name), 10)
		if b != nil || !errors.Is(err, ErrKind) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d bytes, error %v, want %q", name, len(b), err, want)
		}
	}
	if _, err := Read(at("file"), 9); err == nil || !strings.Contains(err.Error(), "10 bytes, want at most 9") {
		t.Errorf("error %v, want the size and the bound", err)
	}
	if _, err := Read(at("missing"), 9); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	if _, err := Read(at("loop"), 9); err == nil {
		t.Error("a link to itself was read")
	}
}

func TestReadAllKeepsTheBound(t *testing.T) {
	if _, err := ReadAll(strings.NewReader("0123456789"), "standard input", 9); err == nil || !strings.Contains(err.Error(), "standard input has more than 9") {
		t.Errorf("error %v, want name and bound", err)
	}
}
