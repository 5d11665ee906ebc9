// Package lock keeps two processes from writing to the same place.
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
	"sync"
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
	left string // what was in it
}

// held are the locks of this process.
var held = struct {
	sync.Mutex
	locks map[*Lock]bool
}{locks: map[*Lock]bool{}}

func hold(l *Lock) {
	held.Lock()
	defer held.Unlock()
	held.locks[l] = true
}

// Inside locks a run directory, which must exist, by a file in it. It fails with a *HeldError.
func Inside(dir string) (*Lock, error) {
	l, err := acquire(filepath.Join(dir, insideFile), dir)
	if l != nil {
		l.stay = true
		hold(l)
	}
	return l, err
}

// Left is what the last holder wrote, a line by itself and then its notes, if it ended without giving the lock free: it was killed, or the machine went down.
func (l *Lock) Left() string { return l.left }

// Note writes lines below the holder's own, in place of earlier ones: what it is at, for whoever finds them in Left.
func (l *Lock) Note(text string) error {
	own := []byte(self() + "\n")
	if err := l.f.Truncate(int64(len(own))); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(text+"\n"), int64(len(own)))
	return err
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
			l, err = acquire(filepath.Join(real, insideFile), path)
		}
	}
	if l != nil {
		hold(l)
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
	if l == nil {
		return nil
	}
	held.Lock()
	defer held.Unlock()
	return l.release()
}

func (l *Lock) release() error {
	if l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	delete(held.locks, l)
	if l.stay {
		return errors.Join(f.Truncate(0), f.Close())
	}
	return l.remove(f)
}

// ReleaseAll gives all locks of this process free. It is for a process that ends now: none can be given free afterwards, and whoever tries waits
// for the end.
func ReleaseAll() error {
	held.Lock() // for good
	var errs []error
	for l := range held.locks {
		errs = append(errs, l.release())
	}
	return errors.Join(errs...)
}

// self is what this process writes into its lock files.
func self() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}

// written is what is in a lock file; it is only for messages.
func written(f *os.File) string {
	b := make([]byte, 1024)
	n, _ := f.ReadAt(b, 0)
	return strings.TrimSpace(strings.ToValidUTF8(string(b[:n]), "?"))
}

// heldBy is the holder by its own line.
func heldBy(f *os.File) string {
	if line, _, _ := strings.Cut(written(f), "\n"); line != "" {
		return line
	}
	return "another process"
}

// IsFile says whether a name in a directory is that of the file that locks it.
func IsFile(name string) bool { return name == insideFile }
