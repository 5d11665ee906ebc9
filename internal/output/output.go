// Package output takes the place that a command writes to: one process at a time has it, what others wrote there is not overwritten,
// and leftovers of processes that were killed are removed.
package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"moslava/internal/atomicfile"
	"moslava/internal/lock"
	"moslava/internal/overlap"
)

// Options of Dir and File.
type Options struct {
	Reads   []string               // files and directories that the command reads
	Outside []string               // directories in which others write, and the command must not
	Mine    func(name string) bool // which names in a directory are of an earlier call that this one goes on with; nil: none are
	Replace bool                   // a file that is there is of an earlier call, and is replaced
	Force   bool                   // set aside what is there: NAME becomes NAME~1, or the next number that is free
}

// An OccupiedError says that there is something in the place that the command did not write.
type OccupiedError struct{ Path, Holds string }

func (e *OccupiedError) Error() string {
	what := "exists"
	if e.Holds != "" {
		what = "holds " + e.Holds + ", which this command did not write"
	}
	return fmt.Sprintf("%s %s: give another path, or --force, which sets it aside under the name %s", e.Path, what, next(e.Path))
}

// Dir takes a directory, which need not exist and is not made. It fails with a *lock.HeldError, an *OccupiedError, or where the command would
// write over what it reads. release gives it free. If nothing was written, it also leaves everything as it was: what was set aside has its name
// again, and directories around it that were made are gone.
func Dir(path string, opt Options) (release func() error, err error) {
	path = filepath.Clean(path)
	for try := 0; ; try++ {
		undo, err := atomicfile.MkdirAllUndo(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		release, err := take(path, opt, func() (string, error) {
			holds, err := foreign(path, opt)
			if err != nil || holds == "" {
				return "", err
			}
			if !opt.Force {
				return "", &OccupiedError{path, holds}
			}
			return setAside(path)
		}, func() error { // what becomes a directory is made beside it
			return errors.Join(atomicfile.Sweep(filepath.Dir(path)), atomicfile.SweepTree(path))
		})
		if err == nil {
			return func() error {
				err := release()
				undo()
				return err
			}, nil
		}
		undo()
		if _, gone := os.Stat(filepath.Dir(path)); try == tries || !errors.Is(err, fs.ErrNotExist) || !errors.Is(gone, fs.ErrNotExist) {
			return nil, err
		}
		// Another process had made the directory around it, and has removed it because it was refused.
	}
}

const tries = 3

// File is Dir for a file, in a directory that exists.
func File(path string, opt Options) (release func() error, err error) {
	path = filepath.Clean(path)
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return take(path, opt, func() (string, error) {
		_, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && opt.Replace:
			return "", nil
		case err != nil:
			return "", err
		case !opt.Force:
			return "", &OccupiedError{Path: path}
		}
		return setAside(path)
	}, func() error { return atomicfile.Sweep(filepath.Dir(path)) })
}

// Leave removes what this process has half written and gives its places free. It is for a process that ends now.
func Leave() {
	atomicfile.RemoveTemporary()
	_ = lock.ReleaseAll() // the system does it soon after
}

// take locks the place, removes leftovers and makes it free. free gives the name of what it has set aside.
func take(path string, opt Options, free func() (string, error), sweep func() error) (func() error, error) {
	for _, read := range opt.Reads {
		if read == "" {
			continue
		}
		how, err := overlap.Of(path, read)
		if err != nil {
			return nil, err
		}
		if how == overlap.Same || how == overlap.Contains {
			return nil, fmt.Errorf("%s, which would be written to, %s %s, which is read: give another path", path, how, read)
		}
	}
	for _, dir := range opt.Outside {
		how, err := overlap.Of(path, dir)
		if err != nil {
			return nil, err
		}
		if how == overlap.Inside {
			return nil, fmt.Errorf("%s, which would be written to, lies inside %s, where a run writes: give another path", path, dir)
		}
	}
	l, err := lock.Beside(path)
	if err != nil {
		return nil, err
	}
	if err := sweep(); err != nil { // first, so that leftovers are not set aside
		return nil, errors.Join(err, l.Release())
	}
	aside, err := free()
	if err != nil {
		return nil, errors.Join(err, l.Release())
	}
	fresh := absent(path)
	back := func() error {
		if info, err := os.Lstat(path); fresh && err == nil && info.IsDir() {
			os.Remove(path) // which fails if there is anything in it
		}
		if aside != "" && absent(path) {
			return atomicfile.Rename(aside, path)
		}
		return nil
	}
	return func() error { return errors.Join(back(), l.Release()) }, nil
}

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Vacant fails with an *OccupiedError if there is something in the directory at path, which need not exist, that Dir would not write over.
func Vacant(path string) error {
	holds, err := foreign(path, Options{})
	if err == nil && holds != "" {
		err = &OccupiedError{filepath.Clean(path), holds}
	}
	return err
}

// foreign is the name of something in the directory that is in the way; empty if there is nothing. By force, all is.
func foreign(path string, opt Options) (string, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
		return "", fmt.Errorf("%s is a file, expected a directory to write to", path)
	}
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		ours := atomicfile.IsTemp(e.Name()) || lock.IsFile(e.Name()) || !opt.Force && opt.Mine != nil && opt.Mine(e.Name())
		if !ours {
			return e.Name(), nil
		}
	}
	return "", nil
}

// SetAside renames a file or directory to the next of NAME~1, NAME~2, ... that is free.
func SetAside(path string) error {
	_, err := setAside(path)
	return err
}

func setAside(path string) (to string, err error) {
	to = next(path)
	return to, atomicfile.Rename(path, to)
}

func next(path string) string {
	for n := 1; ; n++ {
		to := filepath.Clean(path) + "~" + strconv.Itoa(n)
		if _, err := os.Lstat(to); err != nil { // not there, or not to be seen: then renaming fails
			return to
		}
	}
}
