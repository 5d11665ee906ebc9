package stages

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"moslava/pipelines/adapters"
	"moslava/pipelines/answering"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/run"
	"moslava/pipelines/runreport"
)

// everyKind is a run whose stages leave every kind of file that there is, and all of whose inputs are files.
func everyKind(t *testing.T) (r *recipe.Recipe, dir string) {
	t.Helper()
	model, root := exported(t), t.TempDir()
	rows, suite := filepath.Join(root, "data", "rows.json"), filepath.Join(root, "suite.tsv")
	var text []string
	for i := range 8 {
		name := fmt.Sprintf("p%d.png", i)
		put(t, filepath.Join(root, "pictures", name), picture(t, i, i%2 == 1))
		text = append(text, fmt.Sprintf(`{"image": %q, "conversations": [{"from": "human", "value": "<image>\nwhat"}, {"from": "gpt", "value": "drawing %d"}]}`, name, i))
	}
	put(t, rows, []byte("["+strings.Join(text, ",\n")+"]"))
	put(t, suite, []byte("index\tquestion\tA\tB\tanswer\timage_path\n1\twhich\tred\tblue\tA\tpictures/p1.png\n2\twhich one\tone\ttwo\tB\tpictures/p2.png\n"))
	dir = filepath.Join(root, "run")
	return recipetest.Parse(t, dir, fmt.Sprintf(`model: {from: %q}
stages:
- {kind: align, data: {path: %q, images: %q}, batch: 2, steps: 3, validation: 0.3}
- {kind: tune, data: "scenes:tune?n=8&seed=1", batch: 2, steps: 2, validation: 0.3, adapters: {language: {r: 2}}}
- {kind: evaluate, suites: [{tsv: %q, protocol: letter-logit}, {tsv: "scenes:test?n=6&seed=1", name: drawn, protocol: letter-logit}]}
- {kind: export, name: adapters, format: peft}
- {kind: merge}
- {kind: export}
- {kind: export, name: elsewhere, path: %q}
`, model, rows, filepath.Join(root, "pictures"), suite, filepath.Join(root, "elsewhere"))), dir
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b, 0o666)); err != nil {
		t.Fatal(err)
	}
}

// readers say, for each kind of file in a run directory, how the next command that reads it is called: it has to fail
// with an error that names the file. A file that fits none of these patterns fails the test until somebody decides who
// reads it.
var readers = []struct {
	pattern string
	read    func(t *testing.T, r *recipe.Recipe, dir, path string) error // nil: nobody reads it back; docs/formats.md has the list
	silent  bool                                                         // nor does integrity.Verify
}{
	{`^\.lock$`, nil, true},                         // says who works here
	{`^(.+/)?report\.(html|md)$`, nil, true},        // for people
	{`^recipe\.json$`, askIt, false},                // and moslava run
	{`^\.hashes\.json$`, notice, false},             //
	{`^\d\d-[a-z]+/manifest\.json$`, again, false},  //
	{`^\d\d-[a-z]+/begun\.json$`, goOnWith, false},  // of a stage that is not finished
	{`^\d\d-[a-z]+/state-.*`, goOnWith, false},      //
	{`^\d\d-[a-z]+/metrics\.jsonl$`, curves, false}, // and who goes on
	{`^\d\d-[a-z]+/events\.out\..*`, nil, false},    // for TensorBoard
	{`^\d\d-[a-z]+/(trained\.safetensors|merged\.json|adapters/.*)$`, askMerged, false},
	{`^\d\d-[a-z]+/best/.*`, takeIt, false},
	{`^02-evaluate/[a-z]+/(verdicts\.jsonl|result\.json|questions\.tsv)$`, pageOf, false},
	{`^02-evaluate/[a-z]+/(acc\.csv|predictions\..*)$`, takeIt, false}, // score
	{`^03-adapters/peft/.*`, composeIt, false},
	{`^05-export/hf/.*`, askExport, false},
	{`^06-elsewhere/target\.json$`, again, false},
}

func again(t *testing.T, r *recipe.Recipe, _, _ string) error {
	return Run(t.Context(), r, Options{Out: new(bytes.Buffer)})
}

func goOnWith(t *testing.T, r *recipe.Recipe, dir, path string) error {
	stage, _, _ := strings.Cut(path, "/")
	if err := os.Remove(filepath.Join(dir, stage, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	return again(t, r, dir, path)
}

func notice(t *testing.T, r *recipe.Recipe, _, _ string) error {
	var out bytes.Buffer
	if err := Run(t.Context(), r, Options{Out: &out}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "nothing in it is believed") {
		return nil
	}
	return errors.New(out.String())
}

func askIt(t *testing.T, _ *recipe.Recipe, dir, _ string) error {
	_, err := answering.Open(t.Context(), dir, answering.Options{})
	return err
}

func askMerged(t *testing.T, _ *recipe.Recipe, dir, _ string) error {
	_, err := answering.Open(t.Context(), filepath.Join(dir, "04-merge"), answering.Options{})
	return err
}

func askExport(t *testing.T, _ *recipe.Recipe, dir, _ string) error {
	_, err := answering.Open(t.Context(), filepath.Join(dir, "05-export", "hf"), answering.Options{})
	return err
}

func composeIt(t *testing.T, _ *recipe.Recipe, dir, _ string) error {
	return adapters.Compose(t.Context(), filepath.Join(t.TempDir(), "composed"), []string{filepath.Join(dir, "03-adapters", "peft") + "=1"}, false)
}

func pageOf(t *testing.T, _ *recipe.Recipe, dir, _ string) error {
	_, err := runreport.Write(dir, runreport.Options{Out: filepath.Join(t.TempDir(), "page.html")})
	return err
}

func curves(t *testing.T, _ *recipe.Recipe, dir, path string) error {
	_, err := runreport.Write(filepath.Join(dir, filepath.Dir(path)), runreport.Options{Out: filepath.Join(t.TempDir(), "page.html")})
	return err
}

// takeIt does what commands do first that are given such a path: analyze, compose, score, a recipe's model.
func takeIt(t *testing.T, _ *recipe.Recipe, dir, path string) error {
	return run.Intact(t.Context(), filepath.Join(dir, path))
}

// TestEveryFileOfARun flips a bit in every file of a finished run in turn. integrity.Verify names the file, and so does the
// next command that reads it.
func TestEveryFileOfARun(t *testing.T) {
	r, whole := everyKind(t)
	mustRun(t, r)
	time.Sleep(1100 * time.Millisecond) // so that hashes of what was written just now are kept, and could be believed
	mustRun(t, r)
	if _, err := runreport.Write(whole, runreport.Options{}); err != nil {
		t.Fatal(err)
	}
	if out := wrong(t, whole); len(out) > 0 {
		t.Fatalf("nothing was touched, and\n%s", strings.Join(out, "\n"))
	}
	var files []string
	err := filepath.WalkDir(whole, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(whole, path)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, file := range files {
		at := -1
		for k := range readers {
			if regexp.MustCompile(readers[k].pattern).MatchString(file) {
				at = k
				break
			}
		}
		if at < 0 {
			t.Errorf("%s: nobody has decided who reads it", file)
			continue
		}
		who := readers[at]
		used[who.pattern] = true
		t.Run(file, func(t *testing.T) {
			path := filepath.Join(whole, filepath.FromSlash(file))
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if who.silent || len(before) == 0 {
				return
			}
			for _, i := range []int{0, len(before) - 1, len(before) / 2} { // the last one stays
				flipAt(t, path, before, i)
				out := wrong(t, whole)
				if !slices.ContainsFunc(out, func(s string) bool { return strings.Contains(s, path) }) {
					t.Errorf("byte %d of %d: integrity.Verify finds %q", i, len(before), out)
				}
			}
			if who.read == nil {
				put(t, path, before)
				return
			}
			kept := filepath.Join(t.TempDir(), "kept") // in the same directory each time, as the recipe names it
			if err := os.CopyFS(kept, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			err = who.read(t, r, whole, file)
			if err == nil || !strings.Contains(err.Error(), filepath.Base(path)) {
				t.Errorf("who reads it says: %v", err)
			}
			if err := errors.Join(os.RemoveAll(whole), os.Rename(kept, whole), os.WriteFile(path, before, 0o666)); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, who := range readers {
		if !used[who.pattern] && !strings.Contains(who.pattern, "lock") {
			t.Errorf("there is no file %s", who.pattern)
		}
	}
}

// flipAt writes a file with one bit flipped, and leaves its time as it was.
func flipAt(t *testing.T, path string, b []byte, i int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Clone(b)
	b[i] ^= 4
	if err := errors.Join(os.WriteFile(path, b, 0o666), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// TestPicturesChanged: pictures that rows name are part of what a stage was made from, and those of a suite of its
// version.
func TestPicturesChanged(t *testing.T) {
	r, dir := everyKind(t)
	mustRun(t, r)
	pictures := filepath.Join(filepath.Dir(dir), "pictures")
	for name, wants := range map[string][]string{
		"p0.png": {"rows.json: its 8 pictures: has SHA-256"},
		"p1.png": {"rows.json: its 8 pictures: has SHA-256", "suite.tsv with its pictures: is version 1-"},
	} {
		path := filepath.Join(pictures, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flipAt(t, path, b, len(b)/2)
		out := wrong(t, dir)
		for _, w := range wants {
			if len(out) != len(wants) || !strings.Contains(strings.Join(out, "\n"), w) {
				t.Errorf("%s: integrity.Verify finds %q, want %q", name, out, wants)
			}
		}
		fails(t, r, "the pictures that rows of data.0.path name was", "rows.json with SHA-256", "--force")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		fails(t, r, "the pictures that rows of data.0.path name was")
		put(t, path, b)
	}
	put(t, filepath.Join(pictures, "other.png"), []byte("nobody names it"))
	if out := mustRun(t, r); strings.Count(out, "finished, skipped") != 7 {
		t.Errorf("with everything as it was:\n%s", out)
	}
	moved := pictures + "-moved"
	if err := os.Rename(pictures, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(moved, pictures); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
	if out := mustRun(t, r); strings.Count(out, "finished, skipped") != 7 {
		t.Errorf("with the folder elsewhere:\n%s", out)
	}
}
