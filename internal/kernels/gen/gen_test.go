package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCheckedIn compares each assembly file of package kernels with what is printed for it.
func TestCheckedIn(t *testing.T) {
	for name, print := range files {
		have, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Errorf("%v: run go generate ./internal/kernels", err)
			continue
		}
		want := text(print)
		if bytes.Equal(have, want) {
			continue
		}
		at := 0 // the first byte that differs
		for at < min(len(have), len(want)) && have[at] == want[at] {
			at++
		}
		t.Errorf("internal/kernels/%s differs from what gen prints, at line %d: run go generate ./internal/kernels",
			name, 1+bytes.Count(want[:at], []byte("\n")))
	}
}

// TestNobodyElse finds assembly that says it is generated and that no entry of files prints.
func TestNobodyElse(t *testing.T) {
	there, err := filepath.Glob(filepath.Join("..", "*.s"))
	if err != nil || len(there) == 0 {
		t.Fatalf("assembly of package kernels: %q, %v", there, err)
	}
	for _, file := range there {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if files[filepath.Base(file)] == nil && bytes.HasPrefix(text, []byte("// Code generated ")) {
			t.Errorf("internal/kernels/%s says that it is generated, and gen does not print it", filepath.Base(file))
		}
	}
}
