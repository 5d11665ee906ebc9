package datasets

import (
	"errors"
	"fmt"
	"io"
)

// A jsonSource keeps where each row starts and ends, and reads it when asked.
type jsonSource struct {
	path    string
	f       *byteFile
	spans   []span
	opt     Options
	picture func(name string) ([]byte, error) // reads one that a row names
}

type span struct {
	at   int64
	size int32
}

var errShorter = errors.New("the file has become shorter")

// maxRow bounds one row of JSON.
const maxRow = 64 << 20

// OpenJSON opens instruction data in JSON: an array of rows, objects one after the other (JSON Lines, also over several
// lines each), or an object that holds an array of rows as data, rows, train or examples. Pictures are looked for in
// the folders images, then beside the file.
// docs/formats.md lists the shapes of rows and their keys.
//
// Reading is strict: invalid UTF-8, a key that comes twice, and a key that is not known are errors that name the row.
//
// A single message of role pretrain, which in XTuner 1 is text to be learnt
// whole, becomes what LLaVA's stage 1 has: a human turn of its leading image markers
// and a gpt turn of the text. Of such a row with a picture inside or after the text,
// which pairs of turns cannot say, At gives an error.
//
// All rows are looked through once; only the place of each is kept: 16 bytes. Pictures are read when their row is.
func OpenJSON(path string, images ...string) (Source, error) {
	return openJSON(path, Options{Images: images})
}

func openJSON(path string, opt Options) (Source, error) {
	f, err := opt.openPlain(path)
	if err != nil {
		return nil, err
	}
	s := &jsonSource{path: path, f: f, opt: opt, picture: opt.reader(path)}
	if err := s.index(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *jsonSource) index() error {
	x := newIndexer(s.f, &s.opt)
	if err := x.file(); err != nil {
		return fmt.Errorf("%s%w", s.path, err)
	}
	s.spans = x.spans
	return nil
}

func (s *jsonSource) Len() int     { return len(s.spans) }
func (s *jsonSource) Close() error { return s.f.Close() }

func (s *jsonSource) At(i int) (Sample, error) {
	if i < 0 || i >= len(s.spans) {
		return Sample{}, fmt.Errorf("%s: row %d of %d", s.path, i, len(s.spans))
	}
	origin := fmt.Sprintf("%s:%d", s.path, i)
	b := make([]byte, s.spans[i].size)
	if _, err := s.f.ReadAt(b, s.spans[i].at); err != nil {
		if err == io.EOF {
			err = errShorter
		}
		return Sample{Origin: origin}, fmt.Errorf("%s: %w", origin, err)
	}
	o, err := decodeRow(b, &s.opt)
	if err != nil {
		return Sample{Origin: origin}, fmt.Errorf("%s: %w", origin, err)
	}
	x, err := s.opt.sample(o, s.picture)
	x.Origin = origin
	if err != nil {
		return x, fmt.Errorf("%s: %w", origin, err)
	}
	return x, nil
}
