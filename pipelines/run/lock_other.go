//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// lock is a file that only one process can create. One that a dead process left is removed.
type lock struct {
	f    *os.File
	path string
}

func acquire(path string) (*lock, error) {
	for try := 0; ; try++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			if _, err := f.WriteString(holder()); err != nil {
				return nil, errors.Join(err, f.Close(), os.Remove(path))
			}
			return &lock{f, path}, nil
		}
		if !errors.Is(err, fs.ErrExist) || try == 2 {
			return nil, err
		}
		held, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		who := heldBy(held)
		held.Close()
		if alive(who) {
			return nil, &LockedError{path, who}
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

func (l *lock) release() error { return errors.Join(l.f.Close(), os.Remove(l.path)) }
