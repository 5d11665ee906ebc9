package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "moslava"

// row finds the table's row for a package; the longest one that fits.
func row(table []Package, pkg string) (p Package, ok bool) {
	for _, q := range table {
		dir, below := strings.CutSuffix(q.Path, "/...")
		fits := pkg == dir || below && strings.HasPrefix(pkg, dir+"/")
		if fits && (!ok || len(q.Path) > len(p.Path)) {
			p, ok = q, true
		}
	}
	return p, ok
}

// check parses every Go file below root, whatever its build tags, and returns what is wrong. It reads the
// files itself rather than ask the go command, so that the test cache sees what it read.
func check(root fs.FS, table []Package) (wrong []string, err error) {
	used := map[string]bool{}
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if base := d.Name(); name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata" || name == "runs") {
				return fs.SkipDir // what the go command leaves out, and what runs write
			}
			return nil
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p, ok := row(table, path.Dir(name))
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s: package %s is not in the table of internal/arch", name, path.Dir(name)))
		}
		used[p.Path] = true
		wrong = append(wrong, imports(name, f, p)...)
		wrong = append(wrong, habits(name, f)...)
		return nil
	})
	for _, p := range table {
		if !used[p.Path] {
			wrong = append(wrong, fmt.Sprintf("the table of internal/arch has a row for %s, where there are no Go files", p.Path))
		}
	}
	return wrong, err
}

// imports checks a file's edges to packages of ours.
func imports(name string, f *ast.File, p Package) (wrong []string) {
	pkg := path.Dir(name)
	allowed := strings.Fields(p.Files + " " + Input)
	if strings.HasSuffix(name, "_test.go") {
		allowed = append(allowed, strings.Fields(p.Tests+" "+TestSupport)...)
		allowed = append(allowed, pkg) // an external test
	}
	for _, spec := range f.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return append(wrong, fmt.Sprintf("%s: %v", name, err))
		}
		if rest, ours := strings.CutPrefix(to, module+"/"); ours && !slices.Contains(allowed, rest) {
			wrong = append(wrong, fmt.Sprintf("%s: %s must not import %s", name, pkg, rest))
		}
		if to == "log" && pkg != "internal/kernels/gen" {
			wrong = append(wrong, fmt.Sprintf("%s: imports log: return the error; only programs print", name))
		}
	}
	return wrong
}

// opensItself begin the names of files that open what is no input: directories to sync, locks, the system's own files.
var opensItself = []string{"internal/infile/", "internal/atomicfile/sync_unix.go", "internal/atomicfile/temp.go", "internal/kernels/", "internal/lock/", "pipelines/run/lock_",
	"pipelines/study/peak_"}

// habits checks what a file is called, whether it ends the process (a test may: TestMain does) and how it opens files.

func habits(name string, f *ast.File) (wrong []string) {
	for _, n := range []string{strings.TrimSuffix(f.Name.Name, "_test"), path.Base(path.Dir(name))} {
		switch n {
		case "util", "utils", "common", "helper", "helpers", "misc":
			return append(wrong, fmt.Sprintf("%s: %s says nothing about what is in it", name, n))
		}
	}
	if strings.HasPrefix(name, "scripts/") || strings.HasSuffix(name, "_test.go") {
		return wrong
	}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := s.X.(*ast.Ident)
		if !ok || x.Name != "os" {
			return true
		}
		switch s.Sel.Name {
		case "Exit":
			wrong = append(wrong, fmt.Sprintf("%s: os.Exit outside scripts: return the error", name))
		case "Open", "ReadFile":
			if !slices.ContainsFunc(opensItself, func(p string) bool { return strings.HasPrefix(name, p) }) {
				wrong = append(wrong, fmt.Sprintf("%s: os.%s waits for pipes and never ends on devices: use internal/infile", name, s.Sel.Name))
			}
		}
		return true
	})
	return wrong
}

func TestLayering(t *testing.T) {
	wrong, err := check(os.DirFS("../.."), Packages)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

// TestTable checks that rows are unique, stand in layers, and name rows.
func TestTable(t *testing.T) {
	at := map[string]int{}
	for i, p := range Packages {
		if _, twice := at[p.Path]; twice {
			t.Errorf("%s has two rows", p.Path)
		}
		at[p.Path] = i
	}
	for i, p := range Packages {
		for _, to := range strings.Fields(p.Files) {
			j, ok := at[to]
			switch {
			case !ok:
				t.Errorf("%s may import %s, which has no row", p.Path, to)
			case j < i:
			case strings.HasPrefix(to, p.Path+"/"): // parts of a package stand behind it
			default:
				t.Errorf("%s may import %s, which stands above it", p.Path, to)
			}
		}
		for _, to := range strings.Fields(p.Tests) {
			if _, ok := at[to]; !ok {
				t.Errorf("tests of %s may import %s, which has no row", p.Path, to)
			}
		}
	}
	if cycle := findCycle(); cycle != "" {
		t.Errorf("the table allows a cycle: %s", cycle)
	}
}

// findCycle follows the edges the table allows to files that are no tests.
func findCycle() string {
	edges := map[string][]string{}
	for _, p := range Packages {
		edges[p.Path] = strings.Fields(p.Files)
	}
	done := map[string]bool{}
	var visit func(pkg string, above []string) string
	visit = func(pkg string, above []string) string {
		if slices.Contains(above, pkg) {
			return strings.Join(append(above, pkg), " -> ")
		}
		if done[pkg] {
			return ""
		}
		for _, to := range edges[pkg] {
			if c := visit(to, append(above, pkg)); c != "" {
				return c
			}
		}
		done[pkg] = true
		return ""
	}
	for _, p := range Packages {
		if c := visit(p.Path, nil); c != "" {
			return c
		}
	}
	return ""
}

// TestSiblings keeps the first rule from being undone by a row of the table.
func TestSiblings(t *testing.T) {
	tops := []string{"vision", "projector", "language", "moslora", "datasets"}
	top := func(pkg string) string { s, _, _ := strings.Cut(pkg, "/"); return s }
	for _, p := range Packages {
		if !slices.Contains(tops, top(p.Path)) {
			continue
		}
		for _, to := range strings.Fields(p.Files) {
			if slices.Contains(tops, top(to)) && top(to) != top(p.Path) {
				t.Errorf("%s may import its sibling %s", p.Path, to)
			}
		}
	}
}

// TestCheckFindsWhatIsWrong shows that each rule can fail.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	table := []Package{
		{Path: "a"},
		{Path: "b", Files: "a"},
		{Path: "internal/golden"},
		{Path: "scripts/..."},
	}
	base := map[string]string{
		"a/a.go":                   "package a",
		"a/a_test.go":              "package a\nimport _ \"moslava/internal/golden\"",
		"b/b.go":                   "package b\nimport _ \"moslava/a\"",
		"b/b_test.go":              "package b_test\nimport (_ \"moslava/b\"; \"os\")\nfunc f() { os.Exit(1) }",
		"internal/golden/g.go":     "package golden",
		"scripts/x/main.go":        "package main\nimport \"os\"\nfunc main() { os.Exit(1) }",
		"a/testdata/x.go":          "not Go",
		".git/x.go":                "not Go",
		"runs/demo/data/broken.go": "not Go",
	}
	for _, c := range []struct{ name, file, src, want string }{
		{name: "nothing"},
		{"edge", "a/x.go", "package a\nimport _ \"moslava/b\"", "a must not import b"},
		{"edge under a build tag", "a/x_windows.go", "//go:build purego\npackage a\nimport _ \"moslava/b\"", "a must not import b"},
		{"edge of a test", "a/x_test.go", "package a\nimport _ \"moslava/b\"", "a must not import b"},
		{"support outside tests", "b/x.go", "package b\nimport _ \"moslava/internal/golden\"", "b must not import internal/golden"},
		{"script", "scripts/x/y.go", "package main\nimport _ \"moslava/a\"", "scripts/x must not import a"},
		{"new package", "c/c.go", "package c", "package c is not in the table"},
		{"log", "a/x.go", "package a\nimport \"log\"\nfunc f() { log.Fatal() }", "imports log"},
		{"exit", "a/x.go", "package a\nimport \"os\"\nfunc f() { os.Exit(1) }", "os.Exit"},
		{"package name", "a/x.go", "package utils", "utils says nothing"},
		{"directory name", "scripts/common/x.go", "package main", "common says nothing"},
		{"empty row", "a/a.go", "", "a row for a"},
	} {
		files := fstest.MapFS{}
		for name, src := range base {
			files[name] = &fstest.MapFile{Data: []byte(src)}
		}
		if c.file != "" {
			files[c.file] = &fstest.MapFile{Data: []byte(c.src)}
		}
		if c.src == "" { // the package is gone
			delete(files, c.file)
			if c.file != "" {
				delete(files, "a/a_test.go")
			}
		}
		wrong, err := check(files, table)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.want == "" && len(wrong) == 0 {
			continue
		}
		if len(wrong) != 1 || c.want == "" || !strings.Contains(wrong[0], c.want) {
			t.Errorf("%s: got %q, want one message with %q", c.name, wrong, c.want)
		}
	}
}
