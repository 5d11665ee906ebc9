//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errReadOnly is of a file system that cannot be written to.
var errReadOnly error = unix.EROFS

// Try locks an open file or directory with flock, until it is closed, and says whether nobody else has it.
func Try(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

// Idle says whether no process works on the temporary file or directory at path.
func Idle(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	ours, err := Try(f)
	return err == nil && ours
}

// remove takes the file away while it is locked: who waits for it finds that it is gone.
func (l *Lock) remove(f *os.File) error { return errors.Join(removed(os.Remove(l.path)), f.Close()) }
