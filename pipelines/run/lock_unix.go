//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package run

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock is a file with an flock on it. The system gives it free when the process ends, however it
// ends; the file itself stays, because removing it would let two processes lock different files of one name.
type lock struct{ f *os.File }

func acquire(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		held := heldBy(f)
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &LockedError{path, held}
		}
		return nil, &os.PathError{Op: "flock", Path: path, Err: err}
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, holder())); err != nil {
		f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func (l *lock) release() error { return errors.Join(l.f.Truncate(0), l.f.Close()) }
