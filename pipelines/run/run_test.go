package run

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"moslava/internal/lock"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
)

const text = `name: demo
model: {from: "base<&>"}
stages:
- {kind: align, data: captions}
- {kind: evaluate, name: control, suites: dev.tsv}
- {kind: tune, data: instruct, adapters: {language: {r: 4}}}
- {kind: evaluate, suites: dev.tsv}
`

// The stages of text by their places.
const (
	align = iota
	control
	tune
	evaluate
)

func parse(t *testing.T, overrides ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipes.Parse("demo.yaml", []byte(text))
	if err == nil {
		err = r.Override(overrides)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func open(t *testing.T, dir string, r *recipe.Recipe, opt Options) *Dir {
	t.Helper()
	d, err := Open(dir, r, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// do runs a stage that writes one file of the given content.
func do(t *testing.T, d *Dir, i int, content string) {
	t.Helper()
	dir, _, err := d.Begin(i)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "model", "weights"), content)
	if err := d.Finish(i, "model"); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// finished returns the indices of the stages that are finished, and fails on errors.
func finished(t *testing.T, d *Dir) []int {
	t.Helper()
	var out []int
	for i := range d.recipe.Stages {
		done, reason, err := d.Finished(i)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			out = append(out, i)
		} else if reason == "" {
			t.Errorf("stage %d is not finished for no reason", i)
		}
	}
	return out
}

func wantFinished(t *testing.T, d *Dir, want ...int) {
	t.Helper()
	if got := finished(t, d); !slices.Equal(got, want) {
		t.Errorf("finished are %v, want %v", got, want)
	}
}

// doAll makes a run directory in which all stages are finished.
func doAll(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runs", "demo")
	d := open(t, dir, parse(t), Options{})
	for i := range d.recipe.Stages {
		do(t, d, i, "stage "+d.recipe.Stages[i].Name)
	}
	wantFinished(t, d, align, control, tune, evaluate)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := open(t, dir, parse(t), Options{})
	wantFinished(t, d)
	if _, _, err := d.Begin(tune); err == nil || !strings.Contains(err.Error(), "stage align, which is not finished: not begun") {
		t.Errorf("beginning out of order: %v", err)
	}
	if err := d.Finish(align); err == nil || !strings.Contains(err.Error(), "align was not begun") {
		t.Errorf("finishing what was not begun: %v", err)
	}
	got, resumed, err := d.Begin(align)
	if err != nil || resumed || got != filepath.Join(dir, "00-align") {
		t.Fatalf("%s, %v, %v", got, resumed, err)
	}
	if _, reason, _ := d.Finished(align); reason != "begun, not finished" {
		t.Errorf("reason %q", reason)
	}
	if _, resumed, err := d.Begin(align); err != nil || !resumed {
		t.Errorf("a second time: resumed %v, %v", resumed, err)
	}
	write(t, filepath.Join(got, "a", "b"), "12345")
	write(t, filepath.Join(got, ".tmp-x"), "half")
	write(t, filepath.Join(got, "a", ".cache", "x"), "y")
	if err := d.Finish(align); err != nil {
		t.Fatal(err)
	}
	m, err := d.Manifest(align)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Outputs) != 1 || m.Outputs[0] != (Output{"a/b", 5, "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"}) {
		t.Errorf("outputs %+v", m.Outputs)
	}
	if m.Kind != "align" || m.Versions["go"] != runtime.Version() || m.Finished.Before(m.Begun) || m.Begun.IsZero() {
		t.Errorf("manifest %+v", m)
	}
	if from, at := d.From(evaluate); from != tune || at != filepath.Join(dir, "02-tune") {
		t.Errorf("evaluate takes the model of %d in %s", from, at)
	}
	if from, _ := d.From(align); from != -1 {
		t.Errorf("align takes the model of %d", from)
	}
}

func TestSkipsFinished(t *testing.T) {
	dir := doAll(t)
	d := open(t, dir, parse(t, "threads=1", "run_dir=x", "stages.tune.save_every=3"), Options{})
	wantFinished(t, d, align, control, tune, evaluate)
	for i := range d.recipe.Stages {
		if err := d.intactStage(i); err != nil {
			t.Error(err)
		}
	}
}

func TestChanged(t *testing.T) {
	dir := doAll(t)
	d := open(t, dir, parse(t, "stages.tune.lr=1e-3", "stages.tune.limit=9"), Options{})
	_, _, err := d.Finished(tune)
	var changed *ChangedError
	if !errors.As(err, &changed) || changed.Stage != "tune" || !changed.Finished {
		t.Fatalf("error %v", err)
	}
	want := "stage.limit is 9 and was not set; stage.lr was 0.0002 and is 0.001; stage.lr_language was 0.0002 and is 0.001; " +
		"stage.lr_projector was 0.0002 and is 0.001; stage.lr_vision was 0.0002 and is 0.001"
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, _, err := d.Begin(tune); !errors.As(err, &changed) {
		t.Errorf("beginning all the same: %v", err)
	}
	if _, _, err := d.Finished(evaluate); !errors.As(err, &changed) {
		t.Errorf("what depends on it: %v", err)
	}
	if done, _, err := d.Finished(control); !done || err != nil {
		t.Errorf("what does not depend on it: %v, %v", done, err)
	}
}

func TestForced(t *testing.T) {
	dir := doAll(t)
	d := open(t, dir, parse(t, "stages.tune.lr=1e-3"), Options{Force: true})
	done, reason, err := d.Finished(tune)
	if done || err != nil || !strings.Contains(reason, "done again by force: stage.lr was 0.0002") {
		t.Fatalf("%v, %q, %v", done, reason, err)
	}
	wantFinished(t, d, align, control)
	for _, name := range []string{"02-tune~1", "03-evaluate~1"} {
		if _, err := os.Stat(filepath.Join(dir, name, "model", "weights")); err != nil {
			t.Error(err)
		}
	}
	do(t, d, tune, "new")
	do(t, d, evaluate, "new")
	wantFinished(t, d, align, control, tune, evaluate)
	d.Close()
	d = open(t, dir, parse(t, "stages.tune.lr=2e-3"), Options{Force: true})
	wantFinished(t, d, align, control)
	if _, err := os.Stat(filepath.Join(dir, "02-tune~2")); err != nil {
		t.Error(err)
	}
}

// TestBegunChanged: a stage that was interrupted is not resumed with another configuration.
func TestBegunChanged(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, parse(t), Options{})
	if _, _, err := d.Begin(align); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d = open(t, dir, parse(t, "seed=2"), Options{})
	var changed *ChangedError
	if _, _, err := d.Begin(align); !errors.As(err, &changed) || changed.Finished || !strings.Contains(err.Error(), "was begun in") || !strings.Contains(err.Error(), "seed was 0 and is 2") {
		t.Errorf("error %v", err)
	}
	d.Close()
	d = open(t, dir, parse(t, "seed=2"), Options{Force: true})
	if _, resumed, err := d.Begin(align); err != nil || resumed {
		t.Errorf("forced: resumed %v, %v", resumed, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "00-align~1", begunFile)); err != nil {
		t.Error(err)
	}
}

// TestInputChanged: a stage is tied to what the stage before it left behind, not only to its configuration.
func TestInputChanged(t *testing.T) {
	dir := doAll(t)
	d := open(t, dir, parse(t), Options{})
	if err := os.Remove(filepath.Join(dir, "00-align", manifestFile)); err != nil {
		t.Fatal(err)
	}
	do(t, d, align, "stage align")
	wantFinished(t, d, align, control, tune, evaluate)
	do(t, d, align, "something else")
	_, _, err := d.Finished(control)
	if err == nil || !strings.Contains(err.Error(), "the model it takes was that of stage align (") {
		t.Errorf("error %v", err)
	}
}

func TestDamaged(t *testing.T) {
	dir := doAll(t)
	d := open(t, dir, parse(t), Options{})
	weights := filepath.Join(dir, "00-align", "model", "weights")
	write(t, weights, "stage alien")
	if err := d.intactStage(align); err == nil || !strings.Contains(err.Error(), "its file model/weights was SHA-256") {
		t.Errorf("other content: %v", err)
	}
	write(t, weights, "short")
	if done, reason, err := d.Finished(align); done || err != nil || !strings.Contains(reason, "has 5 bytes, the manifest says 11") {
		t.Errorf("cut: %v, %q, %v", done, reason, err)
	}
	if err := os.Remove(weights); err != nil {
		t.Fatal(err)
	}
	if done, reason, err := d.Finished(align); done || err != nil || !strings.Contains(reason, "output model/weights: ") {
		t.Errorf("removed: %v, %q, %v", done, reason, err)
	}
	if done, reason, err := d.Finished(tune); done || err != nil || !strings.Contains(reason, "stage align, whose model it takes: output") {
		t.Errorf("what depends on it: %v, %q, %v", done, reason, err)
	}
	if _, resumed, err := d.Begin(align); err != nil || !resumed {
		t.Errorf("beginning again: %v, %v", resumed, err)
	}
	if _, err := d.Manifest(align); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the manifest of an unfinished stage: %v", err)
	}
}

// TestInserted: stages keep their results when others come before them, or when they are renamed in from.
func TestInserted(t *testing.T) {
	dir := doAll(t)
	more := strings.Replace(text, "- {kind: evaluate, suites", "- {kind: evaluate, name: after, from: align, suites: x.tsv}\n- {kind: evaluate, suites", 1)
	more = strings.Replace(more, "- {kind: align, ", "- {kind: evaluate, name: before, suites: dev.tsv}\n- {kind: align, ", 1)
	r, err := recipes.Parse("demo.yaml", []byte(more))
	if err != nil {
		t.Fatal(err)
	}
	wantFinished(t, open(t, dir, r, Options{}), 1, 2, 3, 5)
}

// tree lists files with their contents, and directories.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var text []byte
			text, err = os.ReadFile(path)
			path += ": " + string(text)
		}
		b.WriteString(path + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRefused: who opens a run and begins nothing leaves it as it was: the recipe that is recorded, the numbers of stages, and that it was not there.
func TestRefused(t *testing.T) {
	root := t.TempDir()
	d := open(t, filepath.Join(root, "a", "b"), parse(t), Options{})
	if _, _, err := d.Begin(tune); err == nil {
		t.Error("a stage was begun whose model is not there")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, root); got != root+"\n" {
		t.Errorf("left behind:\n%s", got)
	}
	dir := doAll(t)
	was := tree(t, dir)
	more := strings.Replace(text, "- {kind: align, data: captions", "- {kind: evaluate, name: before, suites: dev.tsv}\n- {kind: align, data: others", 1)
	r, err := recipes.Parse("demo.yaml", []byte(more))
	if err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, r, Options{})
	if _, _, err := d.Begin(1); !errors.As(err, new(*ChangedError)) {
		t.Errorf("a changed stage: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if now := tree(t, dir); now != was {
		t.Errorf("it was\n%s\nand is\n%s", was, now)
	}
	d = open(t, dir, r, Options{})
	if _, _, err := d.Begin(0); err != nil {
		t.Fatal(err)
	}
	if now := tree(t, dir); !strings.Contains(now, "01-align") || strings.Contains(now, "00-align") || !strings.Contains(now, "others") {
		t.Errorf("begun, it is\n%s", now)
	}
	if d.StageDir(1) != filepath.Join(dir, "01-align") {
		t.Errorf("align is in %s", d.StageDir(1))
	}
}

func TestStrange(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "00-align", "x"), "")
	d := open(t, dir, parse(t), Options{})
	if _, _, err := d.Begin(align); err == nil || !strings.Contains(err.Error(), "holds x but no begun.json") {
		t.Errorf("files nobody began: %v", err)
	}
	if err := errors.Join(d.Record(), d.Close()); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "07-align", "x"), "")
	if _, err := Open(dir, parse(t), Options{}); err == nil || !strings.Contains(err.Error(), "00-align and 07-align") {
		t.Errorf("two directories of a stage: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "07-align")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, parse(t, "name=other"), Options{}); err == nil || !strings.Contains(err.Error(), `belongs to the recipe "demo", not "other"`) {
		t.Errorf("another recipe: %v", err)
	}
	open(t, dir, parse(t, "name=other"), Options{Force: true}) // and no lock was left behind by the failures
}

func TestOutputErrors(t *testing.T) {
	d := open(t, t.TempDir(), parse(t), Options{})
	dir, _, err := d.Begin(align)
	if err != nil {
		t.Fatal(err)
	}
	for output, want := range map[string]string{"../x": "is outside", "none": "output none: "} {
		if err := d.Finish(align, output); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", output, err, want)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "export")
	write(t, filepath.Join(elsewhere, "model"), "1")
	write(t, filepath.Join(dir, "inside"), "2")
	if err := d.Finish(align, elsewhere, "inside", filepath.Join(dir, "inside")); err != nil {
		t.Fatal(err)
	}
	if m, err := d.Manifest(align); err != nil || len(m.Outputs) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	if done, reason, err := d.Finished(align); !done || err != nil {
		t.Errorf("%v, %q, %v", done, reason, err)
	}
	if err := os.RemoveAll(elsewhere); err != nil {
		t.Fatal(err)
	}
	if done, _, err := d.Finished(align); done || err != nil {
		t.Errorf("an output elsewhere was removed: %v, %v", done, err)
	}
}

// TestLock: two in this process, then one in a process that is killed without a chance to clean up.
func TestLock(t *testing.T) {
	if dir := os.Getenv("MOSLAVA_TEST_LOCK"); dir != "" {
		d, err := Open(dir, parse(t), Options{})
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		for {
			time.Sleep(time.Hour)
			runtime.KeepAlive(d) // a file that nobody has any more is closed, which gives its lock free
		}
	}
	dir := t.TempDir()
	d := open(t, dir, parse(t), Options{})
	var locked *lock.HeldError
	if _, err := Open(dir, parse(t), Options{}); !errors.As(err, &locked) || !strings.HasPrefix(locked.Holder, "process ") {
		t.Errorf("opened twice: %v", err)
	}
	d.Close()

	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(exe, "-test.run=^TestLock$")
	child.Env = append(os.Environ(), "MOSLAVA_TEST_LOCK="+dir)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Errorf("the other process said %q, %v", line, err)
	}
	if _, err := Open(dir, parse(t), Options{}); !errors.As(err, &locked) {
		t.Errorf("opened while another process has it: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	open(t, dir, parse(t), Options{})
}
