package filehash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func want(b []byte) Sum {
	s := sha256.Sum256(b)
	return Sum{int64(len(b)), hex.EncodeToString(s[:])}
}

func TestCache(t *testing.T) {
	dir := t.TempDir()
	file, store := filepath.Join(dir, "model"), filepath.Join(dir, "hashes.json")
	b := bytes.Repeat([]byte("weights"), pieceBytes/3)
	write(t, file, b)
	time.Sleep(settled + 100*time.Millisecond)
	c := Open(store)
	for range 2 {
		if got, err := c.File(t.Context(), file); err != nil || got != want(b) {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	known.Clear() // another process
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := Open(store).File(ended, file); err != nil || got != want(b) {
		t.Errorf("what has not changed is read again: %v, %v", got, err)
	}
	known.Clear()
	text, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	write(t, store, bytes.Replace(text, []byte(want(b).SHA256), []byte(strings.Repeat("0", 64)), 1))
	damaged := Open(store)
	if _, err := damaged.File(ended, file); !errors.Is(err, context.Canceled) || damaged.Damage == nil || c.Damage != nil {
		t.Errorf("a damaged cache is believed: %v, %v, %v", err, damaged.Damage, c.Damage)
	}
	b[len(b)/2] ^= 4
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, b)
	if got, err := c.File(t.Context(), file); err != nil || got != want(b) {
		t.Errorf("a flipped bit: %v, %v", got, err)
	}
	if change(info) == "" {
		return
	}
	b[0] ^= 1
	write(t, file, b)
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil { // as if nothing had happened
		t.Fatal(err)
	}
	if got, err := c.File(t.Context(), file); err != nil || got != want(b) {
		t.Errorf("a flipped bit and the old time: %v, %v", got, err)
	}
}

func TestNoFile(t *testing.T) {
	if _, err := File(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "expected a regular file") {
		t.Errorf("a directory: %v", err)
	}
	if _, err := Open("none").File(t.Context(), "none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}
