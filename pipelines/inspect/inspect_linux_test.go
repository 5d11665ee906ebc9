package inspect

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipes: a pipe is an error, whatever its name says it holds, and nobody waits for it.
func TestPipes(t *testing.T) {
	for _, name := range []string{"a.json", "a.jsonl", "a.parquet", "a.arrow", "a.safetensors", "a.yaml"} {
		path := filepath.Join(t.TempDir(), name)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Inspect(path, Options{}); err == nil || !strings.Contains(err.Error(), "is a pipe, want a regular file") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
