package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Synced, if a test has set it, is told of every directory whose names have reached the disk: tests cannot pull the plug. It is set before anything is
// written.
var Synced func(dir string)

// syncDir brings the names in a directory to the disk.
func syncDir(dir string) error {
	err := syncDirectory(dir)
	if err == nil && Synced != nil {
		Synced(dir)
	}
	return err
}

// MkdirAll makes a directory and those around it, as os.MkdirAll does with the permissions 0777 less the umask, and makes sure that the names
// of new ones survive a crash: a file that is synced in a directory that is not there after it is lost as well.
func MkdirAll(dir string) error {
	_, err := MkdirAllUndo(dir)
	return err
}

// MkdirAllUndo is MkdirAll for work that may be refused yet: undo removes the directories that it made, as far as they are empty still.
func MkdirAllUndo(dir string) (undo func(), err error) {
	var fresh []string // innermost first
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		fresh = append(fresh, d)
		if d == filepath.Dir(d) {
			break
		}
	}
	undo = func() {
		for _, d := range fresh {
			if os.Remove(d) != nil { // there is something in it
				return
			}
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		undo()
		return nil, err
	}
	for _, d := range fresh {
		if err := syncDir(filepath.Dir(d)); err != nil {
			undo()
			return nil, err
		}
	}
	return undo, nil
}

// Rename renames a file or directory within a directory, or between two, so that it survives a crash.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	err := syncDir(filepath.Dir(to))
	if filepath.Dir(from) != filepath.Dir(to) {
		err = errors.Join(err, syncDir(filepath.Dir(from)))
	}
	return err
}

// WriteDir calls write with a temporary directory, which becomes dir when write has succeeded: dir, which must not be there or be empty, is there whole
// or not at all. The directory around it is made if need be.
func WriteDir(dir string, write func(tmp string) error) (err error) {
	dir = filepath.Clean(dir)
	if err := MkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	tmp, release, err := TempDir(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }() // deferred, so that it also happens when write panics
	if err := write(tmp); err != nil {
		return &renamedError{err, tmp, dir}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // empty, or this fails
		return err
	}
	if err := commit(tmp, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// renamedError names the directory that the caller knows in place of the temporary one.
type renamedError struct {
	err      error
	tmp, dir string
}

func (e *renamedError) Error() string { return strings.ReplaceAll(e.err.Error(), e.tmp, e.dir) }
func (e *renamedError) Unwrap() error { return e.err }
