//go:build linux || darwin || freebsd

package machine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Disk is the room on the file system of a directory, and a name for it that is the same for all directories on it.
func Disk(dir string) (free int64, device string, err error) {
	var f unix.Statfs_t
	var s unix.Stat_t
	if err := unix.Statfs(dir, &f); err != nil {
		return 0, "", err
	}
	if err := unix.Stat(dir, &s); err != nil {
		return 0, "", err
	}
	return int64(f.Bavail) * int64(f.Bsize), fmt.Sprint(s.Dev), nil
}
