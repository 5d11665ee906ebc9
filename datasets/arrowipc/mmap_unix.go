//go:build unix

package arrowipc

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps size bytes of f for reading; size is above zero.
func mapFile(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

func unmap(b []byte) error { return unix.Munmap(b) }
