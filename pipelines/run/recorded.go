package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"moslava/internal/filehash"
)

// anyStage matches the directory of a stage, set aside or not.
var anyStage = regexp.MustCompile(`^[0-9]{2,}-[^~]+(~[0-9]+)?$`)

// Recorded lists what a finished stage recorded of a file, or of the files in a directory, that lies in its directory: sizes and hashes by path, without
// symbolic links. Of a path that lies in none there is nothing.
func Recorded(path string) (map[string]filehash.Sum, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // who opens it says so
	} else if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	stage := stageAbove(abs)
	if stage == "" {
		return nil, nil
	}
	m := new(Manifest)
	switch err := readJSON(filepath.Join(stage, manifestFile), m); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil // not finished
	case err != nil:
		return nil, err
	}
	out := map[string]filehash.Sum{}
	for _, o := range m.files() {
		file := o.in(stage)
		if rel, err := filepath.Rel(abs, file); err == nil && filepath.IsLocal(rel) {
			out[file] = filehash.Sum{Bytes: o.Bytes, SHA256: o.SHA256}
		}
	}
	return out, nil
}

// stageAbove is the directory of a stage that a path lies in, or is; empty if there is none.
func stageAbove(path string) string {
	for {
		above := filepath.Dir(path)
		if above == path {
			return ""
		}
		if anyStage.MatchString(filepath.Base(path)) {
			if info, err := os.Stat(filepath.Join(above, recipeFile)); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
		path = above
	}
}

// Intact reads again the files at paths that finished stages recorded. One that is not what was recorded is an error; those that are no longer there are not
// missed. Paths of other files, and empty ones, are passed over.
func Intact(ctx context.Context, paths ...string) error {
	for _, path := range paths {
		if path == "" {
			continue
		}
		recorded, err := Recorded(path)
		if err != nil {
			return err
		}
		for file, want := range recorded {
			got, err := filehash.File(ctx, file)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return fmt.Errorf("run: %w", err)
			}
			if err := Same(file, got, want); err != nil {
				return err
			}
		}
	}
	return nil
}

// Same is nil if a file is what was recorded of it.
func Same(file string, got, want filehash.Sum) error {
	how := differs(got, want)
	if how == "" {
		return nil
	}
	return fmt.Errorf("run: %s %s when its stage was finished: it was damaged or replaced. moslava verify-run tells what else is; "+
		"a copy outside of the run directory may be changed at will", file, how)
}
