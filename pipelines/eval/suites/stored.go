package suites

import (
	"errors"
	"fmt"
	"os"
	"time"

	"moslava/internal/infile"
)

// stored is a file that is opened for each read after the first pass over it, so that a suite needs no closing. A file that
// has changed in the meantime is an error, because spans would point at other bytes.
type stored struct {
	path string
	size int64
	time time.Time
	f    *os.File // open during the first pass
}

func openStored(path string) (*stored, error) {
	f, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &stored{path: path, size: st.Size(), time: st.ModTime(), f: f}, nil
}

func (s *stored) close() {
	_ = s.f.Close() // only read from
	s.f = nil
}

// ReadAt implements io.ReaderAt.
func (s *stored) ReadAt(p []byte, off int64) (int, error) {
	if s.f != nil {
		return s.f.ReadAt(p, off)
	}
	f, err := infile.Open(s.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if st.Size() != s.size || !st.ModTime().Equal(s.time) {
		return 0, fmt.Errorf("%s has changed since the suite was read from it", s.path)
	}
	return f.ReadAt(p, off)
}
