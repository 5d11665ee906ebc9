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
)

// A Check is what became of one file when it was read again.
type Check struct {
	Path  string
	Wrong string // what does not agree; empty: nothing
}

// Verify reads again all files of finished and begun stages in a run directory that their records name, and those that they were made from,
// whatever is known of them. It is an error if another process works in the directory, or if it is none of a run.
// check is given the directory of each stage, to look at what the records do not name.
func Verify(ctx context.Context, dir string, check func(stage string) ([]Check, error)) (out []Check, err error) {
	if _, err := os.Stat(filepath.Join(dir, recipeFile)); err != nil {
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
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	v := &verification{ctx: ctx, digests: map[string]string{}, read: map[string]Check{}}
	for _, e := range entries {
		if !e.IsDir() || !numbered.MatchString(e.Name()) {
			continue
		}
		stage := filepath.Join(dir, e.Name())
		if err := v.stage(stage); err != nil {
			return nil, err
		}
		more, err := check(stage)
		if err != nil {
			return nil, err
		}
		v.out = append(v.out, more...)
	}
	return v.out, nil
}

type verification struct {
	ctx     context.Context
	digests map[string]string // outputs_sha256 of the stages so far, by name
	read    map[string]Check  // files from outside, which many stages take
	out     []Check
}

func (v *verification) add(path, wrong string) { v.out = append(v.out, Check{path, wrong}) }

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
		for _, o := range m.Outputs {
			if err := v.file(o.in(dir), filehash.Sum{Bytes: o.Bytes, SHA256: o.SHA256}, filehash.File); err != nil {
				return err
			}
		}
	}
	for _, t := range plan.Taken {
		how := filehash.File
		if t.Sampled {
			how = filehash.Sampled
		}
		if err := v.file(Expanded(t.Path), t.Sum, how); err != nil {
			return err
		}
	}
	return nil
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
		return v.ctx.Err()
	case err != nil:
		c.Wrong = err.Error()
	case got.Bytes != want.Bytes:
		c.Wrong = fmt.Sprintf("has %d bytes, was recorded with %d", got.Bytes, want.Bytes)
	case got.SHA256 != want.SHA256:
		c.Wrong = fmt.Sprintf("has SHA-256 %s, was recorded with %s", got.SHA256, want.SHA256)
	}
	v.read[path+"\x00"+want.SHA256] = c
	v.out = append(v.out, c)
	return nil
}
