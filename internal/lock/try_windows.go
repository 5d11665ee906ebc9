package lock

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

var errReadOnly error = windows.ERROR_WRITE_PROTECT

// lockedAt is far behind the text, because on Windows nobody can read what is locked.
const lockedAt = 1 << 30

// Try locks an open file, until it is closed, and says whether nobody else has it.
func Try(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: lockedAt})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION):
		return false, nil
	}
	return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
}

// Idle says whether no process works on the temporary file or directory at path: directories cannot be locked here, so
// that is taken from their age.
func Idle(path string) bool {
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		return time.Since(info.ModTime()) > 24*time.Hour
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	ours, err := Try(f)
	return err == nil && ours
}

// remove closes first, because an open file cannot be removed here; one that somebody else has open by now stays.
func (l *Lock) remove(f *os.File) error {
	err := f.Close()
	_ = os.Remove(l.path)
	return err
}
