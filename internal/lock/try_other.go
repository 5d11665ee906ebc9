//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

var errReadOnly = errors.New("read-only file system")

// acquire makes a file that only one process can create. One that a dead process left is removed.
func acquire(path, of string) (*Lock, error) {
	left := ""
	for try := 0; ; try++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			if _, err := f.WriteString(self() + "\n"); err != nil {
				return nil, errors.Join(err, f.Close(), os.Remove(path))
			}
			return &Lock{f: f, path: path, left: left}, nil
		}
		if !errors.Is(err, fs.ErrExist) || try == 2 {
			return nil, err
		}
		held, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		who := heldBy(held)
		left = written(held)
		held.Close()
		if alive(who) {
			return nil, &HeldError{Path: of, Holder: who}
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// alive says whether the process that wrote a lock file may still run.
func alive(who string) bool {
	var pid int
	if _, err := fmt.Sscanf(who, "process %d", &pid); err != nil {
		return false
	}
	if pid == os.Getpid() {
		return true
	}
	p, err := os.FindProcess(pid)
	return err == nil && !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// Try says whether a process holds a lock file, which is so as long as it is there and the process lives.
func Try(f *os.File) (bool, error) { return !alive(heldBy(f)), nil }

// Own has nothing to lock here.
func Own(*os.File, string) bool { return true }

// Idle goes by the age of the temporary file or directory: there are no locks to ask.
func Idle(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) > 24*time.Hour
}

func (l *Lock) remove(f *os.File) error { return errors.Join(f.Close(), os.Remove(l.path)) }
