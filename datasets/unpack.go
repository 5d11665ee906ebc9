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

// openPlain opens a file of rows, or what a compressed file has in it.
//
// Neither gzip nor zstd can be read from the middle, and rows are read in any order: a compressed file is written out once when it is opened, into a file
// in the user's cache directory that has no name any more where systems allow it, and is gone with the process. It takes the disk what the
// rows take, and no memory.
func (o *Options) openPlain(path string) (*byteFile, error) {
	f, err := o.openBytes(path)
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
	return f, nil
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

func unpack(f io.Reader, p packer) (*byteFile, error) {
	in, err := p.reader(f)
	if err == io.EOF {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("not a whole %s file: %w", p.ending, err)
	}
	defer in.Close()
	out, release, err := scratchFile()
	if err != nil {
		return nil, err
	}
	total, err := fill(out, in)
	if err == nil {
		return &byteFile{io.NewSectionReader(out, 0, total), func() error { return errors.Join(out.Close(), release()) }}, nil
	}
	switch full := new(fullError); {
	case errors.As(err, &full):
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the %s file is cut off, after %d bytes of what it holds", p.ending, total)
	default:
		err = fmt.Errorf("damaged %s file, after %d bytes of what it holds: %w", p.ending, total, err)
	}
	return nil, errors.Join(err, out.Close(), release())
}

// scratchFile is a new file that is gone with the process, or once it is released.
func scratchFile() (f *os.File, release func() error, err error) {
	dir := os.TempDir() // memory, on some systems
	if cache, err := os.UserCacheDir(); err == nil {
		if own := filepath.Join(cache, "moslava"); os.MkdirAll(own, 0o777) == nil {
			dir = own
		}
	}
	if err := atomicfile.Sweep(dir); err != nil {
		return nil, nil, err
	}
	tmp, release, err := atomicfile.TempDir(dir)
	if err != nil {
		return nil, nil, err
	}
	f, err = os.OpenFile(filepath.Join(tmp, "unpacked"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, errors.Join(err, release())
	}
	if release() == nil { // some systems keep files that are open
		release = func() error { return nil }
	}
	return f, release, nil
}

const (
	leastFree = 1 << 30  // bytes of a disk that unpacking leaves
	lookEvery = 64 << 20 // bytes between looks at the disk
)

// A fullError is of a disk without room.
type fullError struct {
	total, free int64
	dir         string
}

func (e *fullError) Error() string {
	return fmt.Sprintf("it holds more than %s, and %s has %s left: make room there, or name another place with XDG_CACHE_HOME",
		machine.Text(e.total), e.dir, machine.Text(e.free))
}

// fill writes out all that is read, while the disk has room, and says how much that was.
func fill(out *os.File, in io.Reader) (total int64, err error) {
	for {
		n, err := io.CopyN(out, in, lookEvery)
		if total += n; err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
		dir := filepath.Dir(out.Name())
		if _, err := os.Stat(dir); err != nil {
			dir = filepath.Dir(dir)
		}
		if free, _, err := machine.Disk(dir); err == nil && free < leastFree {
			return total, &fullError{total, free, dir}
		}
	}
}
