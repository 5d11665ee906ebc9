package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"moslava/internal/atomicfile"
	"moslava/internal/lock"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
)

// Environment of a child that runs a recipe and kills itself so long after the first temporary file is seen where it exports to.
const (
	childExports = "MOSLAVA_TEST_EXPORTS" // the recipe
	childTarget  = "MOSLAVA_TEST_TARGET"
	childDelay   = "MOSLAVA_TEST_DELAY"
)

func childThatExports(file string) int {
	delay, err := time.ParseDuration(os.Getenv(childDelay))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	go func() {
		for len(temps(os.Getenv(childTarget))) == 0 {
			time.Sleep(20 * time.Microsecond)
		}
		time.Sleep(delay)
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
	}()
	r, err := recipes.Load(file)
	if err == nil {
		err = Run(context.Background(), r, Options{Out: io.Discard})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// temps are the temporary files and directories below dir.
func temps(dir string) (out []string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && atomicfile.IsTemp(e.Name()) {
			out = append(out, path)
		}
		return nil
	})
	return out
}

// files reads everything below dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExportsKilled: after twenty kills in the midst of exports, inside the run directory and outside it, the next run leaves what an
// uninterrupted one does, and nothing else.
func TestExportsKilled(t *testing.T) {
	model := exported(t)
	make := func(root string) string {
		file := filepath.Join(root, "r.yaml")
		text := fmt.Sprintf("name: killed\nrun_dir: run\nmodel: {from: %s}\nstages:\n- {kind: export, path: out/model}\n- {kind: export, name: again, from: model, format: towers}\n", model)
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return file
	}
	whole, root := t.TempDir(), t.TempDir()
	r, err := recipes.Load(make(whole))
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
	file := make(root)
	rnd := rand.New(rand.NewPCG(20, 20))
	const kills = 20
	left := 0
	for k := range kills {
		target := filepath.Join(root, "out") // beside the directory that the export makes
		if k >= kills/2 {                    // the first export is finished from here on
			target = filepath.Join(root, "run", "01-again")
		}
		c := exec.Command(os.Args[0], "-test.run=^$")
		c.Env = append(os.Environ(), childExports+"="+file, childTarget+"="+target, fmt.Sprintf("%s=%dus", childDelay, rnd.IntN(1500)))
		out, err := c.CombinedOutput()
		exit := new(exec.ExitError)
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			left += len(temps(root))
		} else if err != nil {
			t.Fatalf("kill %d: %v\n%s", k, err, out)
		}
		if err := os.RemoveAll(filepath.Join(root, "run", map[bool]string{false: "00-export", true: "01-again"}[k >= kills/2], "manifest.json")); err != nil {
			t.Fatal(err)
		}
	}
	if left < kills/4 {
		t.Errorf("%d temporary files were left behind by %d kills: the test does not hit what it is about", left, kills)
	}
	if r, err = recipes.Load(file); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
	if got := temps(root); len(got) > 0 {
		t.Errorf("left are %q", got)
	}
	for _, dir := range []string{"out/model", "run/01-again/towers"} {
		equal(t, files(t, filepath.Join(root, dir)), files(t, filepath.Join(whole, dir)))
	}
	entries, err := os.ReadDir(filepath.Join(root, "out"))
	if err != nil || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "model" }) {
		t.Errorf("beside the export are %v, %v", entries, err)
	}
}

// TestExportOntoOthers: an export goes to a directory that this run did not write only by force, before any step is done, and keeps what is there.
func TestExportOntoOthers(t *testing.T) {
	root := t.TempDir()
	out := filepath.Join(root, "out")
	thesis := filepath.Join(out, "thesis.tex")
	if err := errors.Join(os.Mkdir(out, 0o777), os.WriteFile(thesis, []byte("mine"), 0o666)); err != nil {
		t.Fatal(err)
	}
	r := recipetest.Parse(t, filepath.Join(root, "run"), recipetest.Towers+"stages:\n- {kind: align, data: \"scenes:tune?n=4&seed=1\", steps: 1, batch: 2}\n- {kind: export, path: "+out+"}\n")
	fails(t, r, out, "thesis.tex", "--force")
	if _, err := os.Stat(filepath.Join(root, "run", "00-align")); err == nil {
		t.Error("a stage began")
	}
	run := func(force bool) error {
		return Run(t.Context(), r, Options{Out: io.Discard, Force: force})
	}
	if err := run(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out+"~1", "thesis.tex")); err != nil {
		t.Error(err)
	}
	// Again, and what the run itself wrote may be written again, but not what has been put in its place since.
	weights := filepath.Join(out, "model.safetensors")
	if err := errors.Join(run(false), os.Remove(weights), run(false)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(weights); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(weights, []byte("another model"), 0o666); err != nil {
		t.Fatal(err)
	}
	recipetest.Names(t, run(false), "model.safetensors", "--force")
	if err := run(true); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(out+"~2", "model.safetensors")); string(b) != "another model" {
		t.Errorf("%.20q, %v", b, err)
	}
	l, err := lock.Beside(out)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := errors.Join(os.Remove(weights)); err != nil {
		t.Fatal(err)
	}
	recipetest.Names(t, run(false), "held by process ")
}
