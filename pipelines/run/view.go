package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/infile"
	"moslava/pipelines/recipe"
)

// A View is a run that is looked at: without a lock, and nothing in it is changed. What is finished stays as it is
// while another process works on the rest.
type View struct {
	Path     string
	Recipe   *recipe.Recipe // of the last process
	Finished []Finished     // in the order of their numbers
	Begun    []string       // directories of stages that are not finished
	Aside    []Finished     // stages that were finished and then set aside, under their new names
}

// Finished is a stage that is finished.
type Finished struct {
	Dir string
	*Manifest
}

// Find says whether a directory is one of a run, or of a stage in one, whose directory's name it gives then.
func Find(dir string) (root, stage string, ok bool) {
	is := func(dir string) bool {
		info, err := os.Stat(filepath.Join(dir, recipeFile))
		return err == nil && info.Mode().IsRegular()
	}
	if is(dir) {
		return filepath.Clean(dir), "", true
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", "", false
	}
	abs, err := filepath.Abs(dir)
	if err != nil || !anyStage.MatchString(filepath.Base(abs)) || !is(filepath.Dir(abs)) {
		return "", "", false
	}
	if root = filepath.Join(dir, ".."); filepath.IsAbs(dir) {
		root = filepath.Dir(abs)
	}
	return root, filepath.Base(abs), true
}

// IsFinished says whether the directory of a stage has the record of a finished one. It reads none.
func IsFinished(stage string) bool {
	_, err := os.Stat(filepath.Join(stage, manifestFile))
	return err == nil
}

// Label is the name of a directory of a run or of a stage as its record has it, with ${NAME} where the recipe has a variable; of any other directory it is
// the name itself.
func Label(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	var record struct {
		Stage  string `json:"stage"`
		RunDir string `json:"run_dir"`
	}
	for _, file := range []string{begunFile, recipeFile} {
		b, err := infile.Read(filepath.Join(dir, file), maxRecord)
		if err != nil || json.Unmarshal(b, &record) != nil {
			continue
		}
		if number, _, ok := strings.Cut(filepath.Base(dir), "-"); ok && recipe.HasVariables(record.Stage) {
			return number + "-" + record.Stage
		}
		if name := path.Base(record.RunDir); recipe.HasVariables(name) {
			return name
		}
	}
	return filepath.Base(dir)
}

// Look reads the records of a run, whose recipe words are of the vocabulary.
func Look(dir string, words *recipe.Vocabulary) (*View, error) {
	file := filepath.Join(dir, recipeFile)
	b, err := readRecipe(dir)
	if err != nil {
		return nil, err
	}
	v := &View{Path: dir}
	if v.Recipe, err = words.FromRecord(b, dir); errors.Is(err, recipe.ErrNoSource) {
		return nil, fmt.Errorf("run: %s: %w; moslava run with the recipe records it, and skips what is finished", file, err)
	} else if err != nil {
		return nil, fmt.Errorf("run: the recipe that %s records: %w", file, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !anyStage.MatchString(e.Name()) {
			continue
		}
		aside := !numbered.MatchString(e.Name())
		f := Finished{filepath.Join(dir, e.Name()), new(Manifest)}
		switch err := readJSON(filepath.Join(f.Dir, manifestFile), f.Manifest); {
		case errors.Is(err, fs.ErrNotExist) && aside:
		case errors.Is(err, fs.ErrNotExist):
			v.Begun = append(v.Begun, e.Name())
		case err != nil:
			return nil, err
		case aside:
			v.Aside = append(v.Aside, f)
		default:
			v.Finished = append(v.Finished, f)
		}
	}
	return v, nil
}

// Chain lists the stages that lead to the model which a finished stage takes, the first one first.
func (v *View) Chain(f Finished) (chain []Finished, err error) {
	all := slices.Concat(v.Finished, v.Aside)
	for range all { // a stage takes at most all others
		if len(f.Inputs) == 0 {
			return chain, nil
		}
		in := f.Inputs[0]
		named := func(g Finished) bool { return g.Stage == in.Stage }
		i := slices.IndexFunc(all, func(g Finished) bool { return named(g) && g.OutputsSHA256 == in.OutputsSHA256 })
		if i < 0 {
			if again := slices.IndexFunc(v.Finished, named); again >= 0 {
				return nil, fmt.Errorf("run: %s was made from what %s held earlier: it has been done again since",
					f.Dir, v.Finished[again].Dir)
			}
			return nil, fmt.Errorf("run: %s takes the model of stage %s, which is not finished any more", f.Dir, in.Stage)
		}
		f = all[i]
		chain = slices.Insert(chain, 0, f)
	}
	return nil, fmt.Errorf("run: the stages of %s take each other's models in a ring", v.Path)
}

// Agrees reads again what a stage left behind, and compares the model that it started from with the recipe's, whose
// files now are given. What does not agree is an error.
func (v *View) Agrees(f Finished, now []Taken) error {
	for _, o := range f.Outputs {
		if why := o.stat(f.Dir); why != "" {
			return fmt.Errorf("run: %s: %s", f.Dir, why)
		}
	}
	changes, err := changedOutputs(f.Dir, f.Manifest)
	if err != nil {
		return err
	}
	model, err := v.Recipe.ModelJSON()
	if err != nil {
		return err
	}
	var was map[string]json.RawMessage
	if err := json.Unmarshal(f.Config, &was); err != nil {
		return fmt.Errorf("run: %s: %w", f.Dir, err)
	}
	delete(was, "stage")
	then, err := json.Marshal(was)
	if err != nil {
		return fmt.Errorf("run: %s: %w", f.Dir, err)
	}
	changes = append(changes, diff(then, model)...)
	values, err := v.Recipe.ModelVariables()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if sealed, ok := f.Variables[name]; ok && !recipe.IsSealed(sealed, values[name]) {
			changes = append(changes, Change{"the environment variable " + name, "another text", "what it is now"})
		}
	}
	if f.Taken != nil && len(changes) == 0 {
		ofModel := slices.DeleteFunc(slices.Clone(f.Taken), func(t Taken) bool { return !strings.HasPrefix(t.Key, "model.") })
		changes = diffTaken(ofModel, now)
	}
	if len(changes) == 0 {
		return nil
	}
	e := &ChangedError{Changes: changes}
	return fmt.Errorf("run: it cannot be had any more, as something has changed since stage %s was done: %s. With that as it was, and another run_dir, "+
		"moslava run makes it again", f.Stage, e.list())
}
