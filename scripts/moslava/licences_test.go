package main

import (
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"testing"
)

// TestLicences: docs/licences.md has a row for every module that is in the program.
func TestLicences(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if !ok || len(info.Deps) == 0 {
		t.Skip("needs a test binary that knows its modules: run it with go test in a module")
	}
	b, err := os.ReadFile("../../docs/licences.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z0-9.]+\.[a-z]+/\S+) \| \S`).FindAllStringSubmatch(string(b), -1) {
		rows = append(rows, m[1])
	}
	for _, m := range info.Deps {
		if !slices.Contains(rows, m.Path) {
			t.Errorf("docs/licences.md has no row for %s, which is in the program", m.Path)
		}
	}
	if len(rows) < len(info.Deps) || !slices.IsSorted(rows) {
		t.Errorf("%d rows for %d modules, sorted: %t", len(rows), len(info.Deps), slices.IsSorted(rows))
	}
}
