package run

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock is a file with a byte range locked. The system gives it free when the process ends, however it ends.
type lock struct{ f *os.File }

// lockedAt is far behind the text, because on Windows nobody can read what is locked.
const lockedAt = 1 << 30

func acquire(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: lockedAt})
	if err != nil {
		held := heldBy(f)
		f.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, &LockedError{path, held}
		}
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteAt([]byte(holder()), 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lock{f}, nil
}

func (l *lock) release() error { return errors.Join(l.f.Truncate(0), l.f.Close()) }
