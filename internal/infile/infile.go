// Package infile opens files that somebody else made. Only regular files are read, and no more of them than a bound: a device has no
// end, and opening a named pipe waits until somebody writes to it.
package infile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Stdin is what stands for standard input where a command takes a file.
const Stdin = "-"

// MaxPicture bounds the file of a picture, in bytes: one of the most pixels that are ever read, uncompressed, is not larger.
const MaxPicture = 768 << 20

// ErrKind is what the error of a path is that is no regular file.
var ErrKind = errors.New("not a regular file")

// kindError names such a path and what it is.
type kindError struct{ path, kind string }

func (e *kindError) Error() string        { return e.path + " is " + e.kind + ", want a regular file" }
func (e *kindError) Is(target error) bool { return target == ErrKind }

// Open opens the regular file at path, or the one a symbolic link leads to, for reading. It never waits: what the path stands for is
// found out before it is opened.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := Regular(path, info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil { // it may have been replaced in between
		err = Regular(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Regular says what path is if it is no regular file, going by what the system says of it.
func Regular(path string, info fs.FileInfo) error {
	kind := "something else"
	switch m := info.Mode(); {
	case m.IsRegular():
		return nil
	case m.IsDir():
		kind = "a directory"
	case m&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case m&fs.ModeSocket != 0:
		kind = "a socket"
	case m&fs.ModeDevice != 0:
		kind = "a device"
	}
	return &kindError{path, kind}
}

// Read reads the regular file at path, which may have limit bytes at most. Its size is checked before memory is taken.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", path, info.Size(), limit)
	}
	return ReadAll(f, path, limit)
}

// ReadAll reads r, which is called name in errors, to its end; more than limit bytes are an error.
func ReadAll(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes, want at most that", name, limit)
	}
	return b, nil
}
