// Package atomicfile replaces files in one step: whoever opens the path sees the whole old content or the whole new
// content, also after a crash. What a process that was killed leaves behind, Sweep removes. It knows no format, and
// does not ask whether the old content may be replaced: packages lock and output do.
package atomicfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// bufferSize is how many bytes are collected before they go to the kernel.
const bufferSize = 256 << 10

// WriteFile calls write with a buffered writer and puts what it wrote at path.
//
// The bytes go to a hidden temporary file in the same directory, which is
// flushed to the disk and then renamed over path. The directory must exist. A
// file already at path passes its permissions on; a new one gets 0666 less the
// umask. A symbolic link at path is replaced, its target is left alone;
// anything else that is not a regular file is refused.
//
// When write or any later step fails, the temporary file is removed, path is
// as it was, and the error names path and wraps the cause. Only if the last
// step fails, syncing the directory, is the new content already in place.
func WriteFile(path string, write func(w io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	mode, err := targetMode(path)
	if err != nil {
		return err
	}
	f, done, err := createTemp(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer done()
	tmp := f.Name()
	// Deferred, so that it also happens when write panics.
	committed := false
	defer func() {
		if !committed {
			f.Close()
			os.Remove(tmp)
		}
	}()

	if err := fill(f, mode, write); err != nil {
		return unnamed(err, tmp)
	}
	// The file is renamed while it is open, and locked with that, so that Sweep never takes it for a leftover. Windows
	// renames no open files, and removes none either.
	closing := f.Close
	if runtime.GOOS == "windows" {
		closing = func() error { return nil }
		if err := f.Close(); err != nil {
			return unnamed(err, tmp)
		}
	}
	if err := commit(tmp, path); err != nil {
		return unnamed(err, tmp)
	}
	committed = true
	return errors.Join(closing(), syncDir(filepath.Dir(path)))
}

// WriteBytes is WriteFile for content that is already in memory.
func WriteBytes(path string, data []byte) error {
	return WriteFile(path, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	})
}

// fill writes the content to f and makes sure it is on the disk. A mode of 0
// leaves the permissions alone.
func fill(f *os.File, mode fs.FileMode, write func(io.Writer) error) error {
	buf := bufio.NewWriterSize(Steady(f), bufferSize)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	if mode != 0 {
		if err := f.Chmod(mode); err != nil {
			return err
		}
	}
	return f.Sync()
}

// steady is how much may wait for the disk. A process that ends while a file is flushed ends when that is done, so
// gigabytes must not wait.
const steady = 32 << 20

type steadyWriter struct {
	f    *os.File
	wait int // bytes since the last flush
}

// Steady is a file that is flushed to the disk now and then while it is written, so that the flush at its end takes a moment.
func Steady(f *os.File) io.Writer { return &steadyWriter{f: f} }

func (s *steadyWriter) Write(b []byte) (written int, err error) {
	for err == nil && written < len(b) {
		var n int
		n, err = s.f.Write(b[written:min(len(b), written+steady-s.wait)])
		written += n
		if s.wait += n; err == nil && s.wait >= steady {
			s.wait = 0
			err = s.f.Sync()
		}
	}
	return written, err
}

// targetMode returns the permissions of the file at path that is about to be
// replaced, and 0 when there is none.
func targetMode(path string) (fs.FileMode, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, unnamed(err, path)
	case info.Mode().IsRegular():
		return info.Mode().Perm(), nil
	case info.Mode()&fs.ModeSymlink != 0:
		return 0, nil
	}
	return 0, fmt.Errorf("exists and is not a regular file but %v", info.Mode().Type())
}

// unnamed takes the name of the temporary file out of err, so that messages
// name only the file the caller knows.
func unnamed(err error, tmp string) error {
	var pe *fs.PathError
	if errors.As(err, &pe) && pe.Path == tmp {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) && le.Old == tmp {
		return le.Err
	}
	return err
}
