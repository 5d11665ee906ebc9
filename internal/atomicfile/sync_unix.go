//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// syncDirectory makes a rename inside dir survive a crash.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	// Some file systems cannot sync a directory; there is nothing more to do
	// about them then.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
