package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"moslava/internal/filehash"
	"moslava/internal/lock"
	"moslava/internal/remote"
	"moslava/pipelines/recipe"
)

// A Check is what became of one file when it was read again.
type Check struct {
	Path  string
	Wrong string // what does not agree; empty: nothing
}

// Others are checks of what only the program above knows.
type Others struct {
	// Recipes is what recorded recipes are read with.
	Recipes *recipe.Vocabulary
	// Stage is given the directory of each stage, to look at what the records do not name.
	Stage func(dir string) ([]Check, error)
	// Pictures hashes again the pictures of rows that a stage of the recorded recipe took.
	Pictures func(ctx context.Context, r *recipe.Recipe, stage string, taken Taken) (filehash.Sum, error)
}

// Verify reads again all files of finished and begun stages in a run directory that their records name, and those that they were made from,
// whatever is known of them. It is an error if another process works in the directory, or if it is none of a run.
func Verify(ctx context.Context, dir string, others Others) (out []Check, err error) {
	path := filepath.Join(dir, recipeFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("run: %s is no run directory: %w", dir, err)
	}
	_, missing := os.Lstat(filepath.Join(dir, lockFile))
	l, err := lock.Inside(dir)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if errors.Is(missing, fs.ErrNotExist) {
		l.Unmark() // nothing is changed here
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	v := &verification{ctx: ctx, others: others, digests: map[string]string{}, read: map[string]Check{}}
	b, err := readRecipe(dir)
	if err == nil {
		v.recipe, v.noRecipe = others.Recipes.FromRecord(b, dir)
		v.add(path, "")
	} else {
		v.noRecipe = err
		v.add(path, err.Error())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !numbered.MatchString(e.Name()) { // what was set aside may have been for its damage
			continue
		}
		stage := filepath.Join(dir, e.Name())
		if err := v.stage(stage); err != nil {
			return nil, err
		}
		more, err := others.Stage(stage)
		if err != nil {
			return nil, err
		}
		for _, c := range more {
			v.also(c)
		}
	}
	return v.out, nil
}

type verification struct {
	ctx      context.Context
	others   Others
	recipe   *recipe.Recipe
	noRecipe error             // why there is none
	digests  map[string]string // outputs_sha256 of the stages so far, by name
	read     map[string]Check  // files from outside, which many stages take
	out      []Check
}

func (v *verification) add(path, wrong string) { v.out = append(v.out, Check{path, wrong}) }

// also adds a check, to that of the same file if there is one.
func (v *verification) also(c Check) {
	i := slices.IndexFunc(v.out, func(o Check) bool { return o.Path == c.Path })
	switch {
	case i < 0:
		v.out = append(v.out, c)
	case v.out[i].Wrong == "":
		v.out[i].Wrong = c.Wrong
	case c.Wrong != "":
		v.out[i].Wrong += "; " + c.Wrong
	}
}

// unset notes a path that is made of an environment variable which is not set: what it names cannot be found.
func (v *verification) unset(path string) bool {
	_, err := recipe.Expand(path)
	if err == nil {
		return false
	}
	if c := (Check{path, "cannot be looked at: " + err.Error()}); !slices.Contains(v.out, c) { // many stages may take it
		v.out = append(v.out, c)
	}
	return true
}

// stage checks the records of a stage and what they name.
func (v *verification) stage(dir string) error {
	var b begun
	path := filepath.Join(dir, begunFile)
	switch err := readJSON(path, &b); {
	case errors.Is(err, fs.ErrNotExist):
		v.add(path, "is missing")
	case err != nil:
		v.add(path, err.Error())
	default:
		v.add(path, "")
	}
	plan := &b.Plan
	var m Manifest
	path = filepath.Join(dir, manifestFile)
	switch err := readJSON(path, &m); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		v.add(path, err.Error())
	default:
		v.add(path, v.inputs(&m))
		v.digests[m.Stage] = m.OutputsSHA256
		plan = &m.Plan
		for _, o := range m.files() {
			if v.unset(o.Path) {
				continue
			}
			if err := v.file(o.in(dir), filehash.Sum{Bytes: o.Bytes, SHA256: o.SHA256}, filehash.File); err != nil {
				return err
			}
		}
	}
	for _, t := range plan.Taken {
		if v.unset(t.Path) {
			continue
		}
		if t.Pictures > 0 {
			if err := v.pictures(plan.Stage, t); err != nil {
				return err
			}
			continue
		}
		how := filehash.File
		switch {
		case t.Sampled:
			how = filehash.Sampled
		case remote.Is(t.Path):
			how = filehash.Remote
		}
		if err := v.file(Expanded(t.Path), t.Sum, how); err != nil {
			return err
		}
	}
	return nil
}

// pictures compares the pictures of rows.
func (v *verification) pictures(stage string, t Taken) error {
	c := Check{Path: fmt.Sprintf("%s: its %d pictures", Expanded(t.Path), t.Pictures)}
	got, err := filehash.Sum{}, v.noRecipe
	if err == nil {
		got, err = v.others.Pictures(v.ctx, v.recipe, stage, t)
	}
	switch {
	case v.ctx.Err() != nil:
		return context.Cause(v.ctx)
	case err != nil:
		c.Wrong = "cannot be looked at: " + err.Error()
	default:
		c.Wrong = differs(got, t.Sum)
	}
	v.out = append(v.out, c)
	return nil
}

// differs says how a file differs from what was recorded; empty if it does not.
func differs(got, want filehash.Sum) string {
	switch {
	case got.Bytes != want.Bytes:
		return fmt.Sprintf("has %d bytes, was recorded with %d", got.Bytes, want.Bytes)
	case got.SHA256 != want.SHA256:
		return fmt.Sprintf("has SHA-256 %s, was recorded with %s", got.SHA256, want.SHA256)
	}
	return ""
}

// inputs says what is wrong with the stages that one was made from.
func (v *verification) inputs(m *Manifest) string {
	for _, in := range m.Inputs {
		if got := v.digests[in.Stage]; got != in.OutputsSHA256 {
			return fmt.Sprintf("was made from stage %s with outputs_sha256 %s, and that has %s now", in.Stage, in.OutputsSHA256, got)
		}
	}
	return ""
}

func (v *verification) file(path string, want filehash.Sum, how func(context.Context, string) (filehash.Sum, error)) error {
	if c, ok := v.read[path+"\x00"+want.SHA256]; ok {
		if !slices.Contains(v.out, c) {
			v.out = append(v.out, c)
		}
		return nil
	}
	c := Check{Path: path}
	switch got, err := how(v.ctx, path); {
	case v.ctx.Err() != nil:
		return context.Cause(v.ctx)
	case err != nil:
		c.Wrong = err.Error()
	default:
		c.Wrong = differs(got, want)
	}
	v.read[path+"\x00"+want.SHA256] = c
	v.out = append(v.out, c)
	return nil
}
