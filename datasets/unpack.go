package datasets

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/machine"
)

// A packer is a way in which files are compressed.
type packer struct {
	ending string
	reader func(io.Reader) (io.ReadCloser, error)
}

var packers = []packer{
	{".gz", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{".zst", openZstd},
}

// maxWindow bounds how far back a zstd frame may refer, which is held in memory: 128 MiB, what zstd -d takes without being told.
const maxWindow = 128 << 20

func openZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// packed are endings as they are, and as compressed files have them.
func packed(endings ...string) (out []string) {
	for _, e := range endings {
		out = append(out, e)
		for _, p := range packers {
			out = append(out, e+p.ending)
		}
	}
	return out
}

// A plainFile is a file of rows in which any byte can be read at once.
type plainFile struct {
	*os.File
	release func() error // nil: there is nothing besides to release
}

func (f *plainFile) Close() error {
	err := f.File.Close()
	if f.release != nil {
		err = errors.Join(err, f.release())
	}
	return err
}

// openPlain opens a file, or what a compressed file has in it.
//
// Neither gzip nor zstd can be read from the middle, and rows are read in any order: a compressed file is written out once when it is opened, into a file
// in the user's cache directory that has no name any more where systems allow it, and is gone with the process. It takes the disk what the
// rows take, and no memory.
func openPlain(path string) (*plainFile, error) {
	f, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	for _, p := range packers {
		if strings.HasSuffix(strings.ToLower(path), p.ending) {
			defer f.Close()
			out, err := unpack(f, p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return out, nil
		}
	}
	return &plainFile{File: f}, nil
}

// plainName is a path without the ending of a compressed file.
func plainName(path string) string {
	lower := strings.ToLower(path)
	for _, p := range packers {
		if strings.HasSuffix(lower, p.ending) {
			return path[:len(path)-len(p.ending)]
		}
	}
	return path
}

func unpack(f io.Reader, p packer) (*plainFile, error) {
	in, err := p.reader(f)
	if err == io.EOF {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("not a whole %s file: %w", p.ending, err)
	}
	defer in.Close()
	out, err := scratchFile()
	if err != nil {
		return nil, err
	}
	if err = fill(out.File, in, p); err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// scratchFile is a new file that is gone with the process.
func scratchFile() (*plainFile, error) {
	dir := os.TempDir() // memory, on some systems
	if cache, err := os.UserCacheDir(); err == nil {
		if own := filepath.Join(cache, "moslava"); os.MkdirAll(own, 0o777) == nil {
			dir = own
		}
	}
	if err := atomicfile.Sweep(dir); err != nil {
		return nil, err
	}
	tmp, release, err := atomicfile.TempDir(dir)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(tmp, "unpacked"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	if release() == nil { // some systems keep files that are open
		release = nil
	}
	return &plainFile{f, release}, nil
}

const (
	leastFree = 1 << 30  // bytes of a disk that unpacking leaves
	lookEvery = 64 << 20 // bytes between looks at the disk
)

// fill writes out what a compressed file has in it, while the disk has room.
func fill(out *os.File, in io.Reader, p packer) error {
	var total int64
	for {
		n, err := io.CopyN(out, in, lookEvery)
		total += n
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("the %s file is cut off, after %d bytes of what it holds", p.ending, total)
		case err != nil:
			return fmt.Errorf("damaged %s file, after %d bytes of what it holds: %w", p.ending, total, err)
		}
		dir := filepath.Dir(out.Name())
		if !exists(dir) {
			dir = filepath.Dir(dir)
		}
		if free, _, err := machine.Disk(dir); err == nil && free < leastFree {
			return fmt.Errorf("it holds more than %s, and %s has %s left: make room there, or name another place with XDG_CACHE_HOME",
				machine.Text(total), dir, machine.Text(free))
		}
	}
}
