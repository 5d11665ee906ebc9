// Package run keeps the directory of a run: which stages are finished, with which configuration, from
// which inputs, and what they left behind. Only one process at a time can have it open.
//
// Layout of a run directory:
//
//	.lock               held while a process works here
//	recipe.json         the recipe of the last process that was not refused, as it was understood, with all defaults, and as it was written
//	00-align/           one directory a stage, numbered in the order of the recipe
//	    begun.json      configuration and inputs, written before anything else
//	    target.json     of an export stage that writes elsewhere: where
//	    ...             what the stage writes
//	    manifest.json   written last: the stage is finished
//	01-tune/
//	01-tune~1/          an earlier attempt, set aside when its configuration had changed and Options.Force was given
package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/lock"
	"moslava/internal/output"
	"moslava/pipelines/recipe"
)

// Options of Open.
type Options struct {
	// Force: where a stage's configuration or inputs have changed, set aside what it and the stages that depend on
	// it left behind, and do them again. Without it that is a *ChangedError.
	Force bool
	// Takes lists the files that stage i takes and that are not of this run, sorted; nil: nobody asks. A file that has changed makes
	// a stage that took it stale.
	Takes func(i int) ([]Taken, error)
	// Records are names of files that stages may leave in their directories for people to read: their hashes are kept, and nothing depends on them.
	Records []string
	// Computed says whether there is anything in the directory of a stage that was begun whose loss would be one; nil: there is.
	Computed func(i int, dir string) (bool, error)
	// Notice is told what people should know; may be nil.
	Notice func(text string)
}

// Dir is an open run directory. Its methods are not safe for concurrent use.
type Dir struct {
	path    string
	recipe  *recipe.Recipe
	written *recipe.Recipe // what records name
	force   bool
	opt     Options
	takes   map[int][]Taken // by stage, once they are known
	intact  map[int]bool    // stages whose outputs this process has read again
	lock    *lock.Lock

	elsewhere map[int]string // directories of stages that stand in another place of the recipe now, by stage
	recorded  bool           // the directory is this recipe's
	fresh     bool           // there was no lock file
	undo      func()         // removes directories that were made, if they are empty
}

const recipeFile = "recipe.json"

// Open makes the directory if need be and locks it. It fails with a *lock.HeldError if
// another process has it open; a process that died, however it did, holds nothing, and what it left half
// written is removed. A directory of a
// recipe of another name is refused unless forced. Until Record or Begin nothing else is changed, and Close leaves everything as it was.
func Open(dir string, r *recipe.Recipe, opt Options) (*Dir, error) {
	undo, err := atomicfile.MkdirAllUndo(dir)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	_, err = os.Lstat(filepath.Join(dir, lockFile))
	fresh := errors.Is(err, fs.ErrNotExist)
	l, err := lock.Inside(dir)
	if err != nil {
		undo()
		return nil, fmt.Errorf("run: %w", err)
	}
	d := &Dir{path: dir, recipe: r, written: r.Written(), force: opt.Force, opt: opt, takes: map[int][]Taken{}, intact: map[int]bool{}, lock: l,
		elsewhere: map[int]string{}, fresh: fresh, undo: undo}
	if err := d.prepare(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// lockFile is the one that lock.Inside makes.
const lockFile = ".lock"

func (d *Dir) prepare() error {
	if err := atomicfile.SweepTree(d.path); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	if err := d.checkName(); err != nil {
		return err
	}
	return d.find()
}

// Record has the directory be this recipe's: it records the recipe, and stages whose place in it has changed since keep their results under the new
// number. Begin does so, too.
func (d *Dir) Record() error {
	if d.recorded {
		return nil
	}
	b, err := d.recipe.Record(d.path)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	for i, was := range d.elsewhere {
		delete(d.elsewhere, i)
		if err := atomicfile.Rename(filepath.Join(d.path, was), d.StageDir(i)); err != nil && !errors.Is(err, fs.ErrNotExist) { // set aside since
			return fmt.Errorf("run: %w", err)
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(d.path, recipeFile), b); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	d.recorded = true
	return nil
}

// checkName refuses the directory of another recipe.
func (d *Dir) checkName() error {
	b, err := readRecipe(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var was struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(b, &was); err != nil {
		return fmt.Errorf("run: %s: %w", filepath.Join(d.path, recipeFile), err)
	}
	if now := d.written.Name; was.Name != now && !d.force {
		return fmt.Errorf("run: %s belongs to the recipe %q, not %q: give another run_dir, or --force, which keeps what is there and does the stages anew", d.path, was.Name, now)
	}
	return nil
}

// readRecipe reads the record of a run's recipe and checks it. Its error wraps fs.ErrNotExist if there is none.
func readRecipe(dir string) ([]byte, error) {
	path := filepath.Join(dir, recipeFile)
	b, err := infile.Read(path, maxRecord)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if err := recipe.CheckRecord(b); err != nil {
		return nil, fmt.Errorf("run: %s %w. Remove it, and moslava run with the recipe writes it anew, and skips what is finished", path, err)
	}
	return b, nil
}

var numbered = regexp.MustCompile(`^[0-9]{2,}-([^~]+)$`)

// find looks for the directories of stages that stand in another place of the recipe now.
func (d *Dir) find() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	there := map[string][]string{} // stage name to directories
	for _, e := range entries {
		if m := numbered.FindStringSubmatch(e.Name()); m != nil && e.IsDir() {
			there[m[1]] = append(there[m[1]], e.Name())
		}
	}
	for i := range d.recipe.Stages {
		want := filepath.Base(d.StageDir(i))
		switch found := there[d.recipe.Stages[i].Name]; {
		case len(found) > 1:
			return fmt.Errorf("run: %s holds %s and %s, of which one at most can be of stage %s", d.path, found[0], found[1], d.recipe.Stages[i].Name)
		case len(found) == 1 && found[0] != want:
			d.elsewhere[i] = found[0]
		}
	}
	return nil
}

// Left is what the last process here noted, if it ended without closing the directory: see lock.Lock.
func (d *Dir) Left() string { return d.lock.Left() }

// Note notes what this process is at, for the Left of the next.
func (d *Dir) Note(text string) error {
	if err := d.lock.Note(text); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// Close gives the directory free.
func (d *Dir) Close() error {
	if d.fresh && !d.recorded {
		d.lock.Unmark()
	}
	err := d.lock.Release()
	if !d.recorded {
		d.undo()
	}
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// Path is the run directory.
func (d *Dir) Path() string { return d.path }

// StageDir is the directory of stage i of the recipe, whether it exists or not.
func (d *Dir) StageDir(i int) string {
	if was, ok := d.elsewhere[i]; ok {
		return filepath.Join(d.path, was)
	}
	return filepath.Join(d.path, d.recipe.DirName(i))
}

// From is the stage whose model stage i takes, and its directory; -1 if that is the recipe's own model.
func (d *Dir) From(i int) (stage int, dir string) {
	if _, at := d.recipe.Stage(d.recipe.Stages[i].From); at >= 0 && at < i {
		return at, d.StageDir(at)
	}
	return -1, ""
}

// setAside renames the directories of stage i and of all that depend on it.
func (d *Dir) setAside(i int) error {
	gone := map[int]bool{i: true}
	for j := i; j < len(d.recipe.Stages); j++ {
		if from, _ := d.From(j); from >= 0 && gone[from] {
			gone[j] = true
		}
		if !gone[j] {
			continue
		}
		dir := d.StageDir(j)
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := output.SetAside(dir); err != nil {
			return fmt.Errorf("run: %w", err)
		}
	}
	return nil
}
