package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
)

// File is an object that is read piece by piece. Its methods may be called from several goroutines.
type File struct {
	address string
	key     string
	store   store
	state   state
	cache   *cache
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

// Open finds an object. Its context bounds all reading, until Close.
func Open(ctx context.Context, address string) (*File, error) {
	s, key, err := open(address)
	if err != nil {
		return nil, err
	}
	c, err := shared()
	if err != nil {
		return nil, err
	}
	f := &File{address: address, key: key, store: s, cache: c}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	err = tried(f.ctx, address, func(ctx context.Context) (err error) {
		f.state, err = s.stat(ctx, key)
		return err
	})
	if err != nil {
		f.cancel(nil)
		return nil, missing(err)
	}
	return f, nil
}

// missing makes an object that is not there what a missing file is.
func missing(err error) error {
	var s *statusError
	if errors.As(err, &s) && s.status == http.StatusNotFound {
		return notExist{err}
	}
	return err
}

type notExist struct{ error }

func (e notExist) Is(target error) bool { return target == fs.ErrNotExist }

// Size is the number of bytes.
func (f *File) Size() int64 { return f.state.size }

// Identity tells this content from any other of the address: its size and the server's tag.
func (f *File) Identity() string {
	return fmt.Sprintf("%s %d %s", f.address, f.state.size, f.state.tag)
}

// Close ends reading.
func (f *File) Close() error {
	f.cancel(errors.New("remote: the file is closed"))
	return nil
}

// ReadAt is io.ReaderAt's.
func (f *File) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, fmt.Errorf("%s: offset %d", f.address, at)
	}
	for n < len(p) {
		if at >= f.state.size {
			return n, io.EOF
		}
		b, err := f.block(at / blockSize)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], b[at%blockSize:])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}

// block is one of the file, from the cache or from its server.
func (f *File) block(i int64) ([]byte, error) {
	from := i * blockSize
	size := min(blockSize, f.state.size-from)
	return f.cache.get(blockName{f.Identity(), i}, int(size), func() (b []byte, err error) {
		err = tried(f.ctx, f.address, func(ctx context.Context) error {
			body, err := f.store.read(ctx, f.key, f.state, from, size)
			if err != nil {
				return err
			}
			defer body.Close()
			b = make([]byte, size)
			if n, err := io.ReadFull(body, b); err != nil {
				return fmt.Errorf("%w after %d of %d bytes: %w", errShort, n, size, err)
			}
			return nil
		})
		return b, err
	})
}

// errShort is of a connection that ended too early.
var errShort = errors.New("the connection ended")
