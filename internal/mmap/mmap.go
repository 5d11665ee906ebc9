// Package mmap maps files that are only read into memory; where the system cannot, it reads them. It knows bytes alone:
// formats, and the checks of what a file declares, are in the packages that read them.
package mmap

import (
	"fmt"

	"moslava/internal/infile"
)

// Open maps the regular file at path, read-only, and returns its bytes, which must not be written to and are gone once
// release has been called. Where memory cannot be mapped the file is read. An empty file has no bytes.
//
// The file must not be changed or cut while it is mapped: a page that vanished from under the mapping ends the program.
// Files that are replaced by a rename, as package atomicfile does it, are safe.
func Open(path string) (data []byte, release func() error, err error) {
	f, err := infile.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() // a mapping outlives the descriptor
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	switch {
	case info.Size() != int64(int(info.Size())):
		return nil, nil, fmt.Errorf("%s: %d bytes do not fit the address space", path, info.Size())
	case info.Size() == 0: // an empty mapping is an error of its own
		return nil, func() error { return nil }, nil
	}
	data, release, err = mapFile(f, int(info.Size()))
	if err != nil {
		return nil, nil, fmt.Errorf("map %s: %w", path, err)
	}
	return data, release, nil
}
