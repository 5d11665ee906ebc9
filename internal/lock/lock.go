// Package lock keeps two processes from writing to the same place. It knows places and who holds them, and not what is
// written there.
//
// A run directory is locked by a file inside it, which stays. Everything else, which people may upload, is locked by a hidden
// file beside it, .NAME.lock, which the holder removes: nothing of ours is left in the directory itself. The
// system gives a lock free when its holder ends, however it ends.
package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A HeldError says that another process, or another part of this one, works in a place.
type HeldError struct {
	Path   string // what is locked
	Holder string // what the holder wrote into its lock file, such as "process 123 on host"
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is held by %s: one process at a time can write there; wait for it, or give another path", e.Path, e.Holder)
}

// insideFile is the lock file of a run directory.
const insideFile = ".lock"

// A Lock is held until Release.
type Lock struct {
	f    *os.File
	path string // of the lock file
	stay bool   // the file stays behind
}

// Inside locks a run directory, which must exist, by a file in it. It fails with a *HeldError.
func Inside(dir string) (*Lock, error) {
	l, err := acquire(filepath.Join(dir, insideFile), dir)
	if l != nil {
		l.stay = true
	}
	return l, err
}

// Beside locks the file or directory at path, there or not, by a file beside it. The directory around it must exist; if it cannot be written to,
// and path is a directory, the file is in that. A path inside a run directory that another process works in is a *HeldError, too.
func Beside(path string) (*Lock, error) {
	real, err := resolve(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(real); err == nil && info.IsDir() || errors.Is(err, fs.ErrNotExist) {
		if err := freeAround(real); err != nil {
			return nil, err
		}
	}
	l, err := acquire(filepath.Join(filepath.Dir(real), "."+short(filepath.Base(real))+".lock"), path)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnly) {
		if info, statErr := os.Stat(real); statErr == nil && info.IsDir() {
			return acquire(filepath.Join(real, insideFile), path)
		}
	}
	return l, err
}

// short leaves room in a name for what is put around it.
func short(name string) string {
	const most = 200 // of 255 bytes
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "")
	}
	return name
}

// resolve is the absolute path without symbolic links; what does not exist yet stays as it is named.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
		return filepath.Join(dir, filepath.Base(abs)), err
	}
	return real, err
}

// freeAround makes sure that no other process works in the directory, or one around it, as in a run directory.
func freeAround(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, insideFile)
		if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
			ours, err := Try(f)
			held := heldBy(f)
			f.Close()
			if err == nil && !ours && held != self() {
				return &HeldError{Path: dir, Holder: held}
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// Unmark has Release remove the file of a lock inside a directory, too, where nothing is to stay of this process.
func (l *Lock) Unmark() { l.stay = false }

// Release gives the place free. Calling it again does nothing.
func (l *Lock) Release() error {
	if l == nil || l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	if l.stay {
		return errors.Join(f.Truncate(0), f.Close())
	}
	return l.remove(f)
}

// self is what this process writes into its lock files.
func self() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}

// heldBy reads what the holder wrote; it is only for the message.
func heldBy(f *os.File) string {
	b := make([]byte, 256)
	n, _ := f.ReadAt(b, 0)
	if text := strings.TrimSpace(strings.ToValidUTF8(string(b[:n]), "?")); text != "" {
		return text
	}
	return "another process"
}

// IsFile says whether a name in a directory is that of the file that locks it.
func IsFile(name string) bool { return name == insideFile }
