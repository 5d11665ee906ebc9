package stages

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
)

// resumeRecipe aligns and tunes two random towers of two layers and width 32.
const resumeRecipe = "testdata/resume.yaml"

// Names of saved states and of their last file, which tests look for on the disk.
const (
	statePrefix = "state-"
	stateFile   = "state.json"
)

// load reads the recipe in a file for a run directory.
func load(t *testing.T, file, dir string, set ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipes.Load(file, append([]string{"run_dir=" + dir}, set...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mustRun runs a recipe to its end and returns what it tells people.
func mustRun(t *testing.T, r *recipe.Recipe) string {
	t.Helper()
	var out bytes.Buffer
	if err := Run(context.Background(), r, Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return out.String()
}

// fails runs a recipe that must end with an error that holds every one of wants.
func fails(t *testing.T, r *recipe.Recipe, wants ...string) {
	t.Helper()
	var out bytes.Buffer
	err := Run(context.Background(), r, Options{Out: &out})
	if err == nil {
		t.Fatalf("no error, want one with %q\n%s", wants, &out)
	}
	recipetest.Names(t, err, wants...)
}

// results reads what training stages leave for others: all but states, times and records of the run itself.
func results(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, rel := e.Name(), strings.TrimPrefix(path, dir)
		switch {
		case path != dir && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, statePrefix)) && e.IsDir():
			return fs.SkipDir
		case e.IsDir(), strings.HasPrefix(name, "."), name == metrics.EventsFile, name == "recipe.json", name == "begun.json", name == "manifest.json":
			return nil
		}
		b, err := os.ReadFile(path)
		if name == metrics.LinesFile {
			b, err = metrics.WithoutTime(path)
		}
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no results", dir)
	}
	return out
}

var reference struct {
	sync.Once
	results map[string]string
}

// uninterrupted is what the resume recipe leaves behind when nothing happens to it.
func uninterrupted(t *testing.T) map[string]string {
	t.Helper()
	reference.Do(func() {
		dir := t.TempDir()
		mustRun(t, load(t, resumeRecipe, dir))
		reference.results = results(t, dir)
	})
	if reference.results == nil {
		t.Fatal("the run to compare with has failed")
	}
	return reference.results
}

// equal compares the results of two runs byte for byte.
func equal(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, w := range want {
		g, ok := got[name]
		switch {
		case !ok:
			t.Errorf("%s is missing", name)
		case g != w && strings.HasSuffix(name, metrics.LinesFile):
			t.Errorf("%s differs\ngot\n%s\nwant\n%s", name, g, w)
		case g != w:
			t.Errorf("%s differs: %d bytes and %d bytes", name, len(g), len(w))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is there too", name)
		}
	}
}

// cancelAt cancels a context when a text is written.
type cancelAt struct {
	text   string
	cancel context.CancelFunc
	out    bytes.Buffer
}

func (c *cancelAt) Write(b []byte) (int, error) {
	if strings.Contains(string(b), c.text) {
		c.cancel()
	}
	return c.out.Write(b)
}
