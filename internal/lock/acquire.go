//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows

package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// acquire makes and locks the file. A holder removes its file while it holds it, so a file that is not the one
// under the name any more, once it is locked, is passed over for the next.
func acquire(path, of string) (*Lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		ours, err := Try(f)
		switch {
		case err != nil:
			return nil, errors.Join(err, f.Close())
		case !ours:
			held := heldBy(f)
			f.Close()
			return nil, &HeldError{Path: of, Holder: held}
		case !still(f, path):
			f.Close()
			continue
		}
		left := written(f)
		if err := f.Truncate(0); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if _, err := f.WriteAt([]byte(self()+"\n"), 0); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &Lock{f: f, path: path, left: left}, nil
	}
}

// still says whether an open file is the one under its name.
func still(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Lstat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// Own locks a file or directory that this process has just made, so that Idle says no as long as it works on it, and says whether it is there
// still: somebody may have taken it for a leftover before it was locked. Where there are no locks on such files it is taken as locked.
func Own(f *os.File, path string) bool {
	ours, err := Try(f)
	return err != nil || ours && still(f, path)
}

func removed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
