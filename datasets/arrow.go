package datasets

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"moslava/datasets/arrowipc"
)

// An arrowSource is the rows of one or more Arrow streams, one after the other.
type arrowSource struct {
	shards  []*arrowipc.Stream
	paths   []string
	rows    []rowReader
	starts  []int // first row of each shard, then the number of rows
	opt     Options
	picture func(name string) ([]byte, error) // reads one that a row names
}

// OpenArrow opens Arrow IPC streams as one source. Rows have the shapes that rows of JSON have (docs/formats.md), with the keys
// as columns; a picture is struct<bytes, path>, binary, or string (a path), and turns may also be struct<from: list, value: list>.
//
// A column that is not known is an error unless it holds nothing. Pictures stored as a path alone are looked for
// in the folder of the first file and in images/ there. Each file is memory-mapped; memory does not grow
// with rows. A file that is cut off, also between two record batches, is an
// error; so is a shard whose columns differ.
func OpenArrow(paths ...string) (Source, error) {
	return openArrow(paths, nil, Options{})
}

// openArrow is OpenArrow with the number of rows the shards should have, if that
// is known, and options.
func openArrow(paths []string, want *rowCount, opt Options) (Source, error) {
	if len(paths) == 0 {
		return nil, errors.New("no Arrow files to open")
	}
	s := &arrowSource{paths: paths, starts: []int{0}, opt: opt, picture: opt.reader(paths[0])}
	if err := s.open(want); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *arrowSource) open(want *rowCount) error {
	cut := ""
	for i, p := range s.paths {
		shard, err := s.opt.openStream(p)
		if err != nil {
			return err
		}
		s.shards = append(s.shards, shard)
		if !shard.Complete() && cut == "" {
			cut = p
		}
		r, bad, err := newRowReader(shard.Schema(), &s.opt)
		if err == nil {
			err = refuse(shard, bad)
		}
		if err != nil {
			return fmt.Errorf("%s%w", p, prefixed(err))
		}
		s.rows = append(s.rows, r)
		total := s.starts[i] + shard.Rows()
		if total > maxLen {
			return fmt.Errorf("%s: more than %d rows", p, maxLen)
		}
		s.starts = append(s.starts, total)
	}
	switch got := s.Len(); {
	case want != nil && want.exact && got != want.rows, want != nil && cut != "" && got != want.rows:
		at := s.paths[0]
		if cut != "" {
			at = cut
		}
		return fmt.Errorf("%s: %d rows are there, %s says %d: a shard is cut off or missing", at, got, want.from, want.rows)
	case want == nil && cut != "":
		return fmt.Errorf("%s: file is cut off after %d record batches: no end-of-stream marker", cut, s.shard(cut).Batches())
	}
	return nil
}

func (s *arrowSource) shard(path string) *arrowipc.Stream {
	for i, p := range s.paths {
		if p == path {
			return s.shards[i]
		}
	}
	return nil
}

// maxLen bounds a source, so that row numbers fit 32 bits.
const maxLen = 1<<31 - 1

func (s *arrowSource) Len() int { return s.starts[len(s.starts)-1] }

func (s *arrowSource) At(i int) (Sample, error) {
	if i < 0 || i >= s.Len() {
		return Sample{}, fmt.Errorf("%s: row %d of %d", s.paths[0], i, s.Len())
	}
	k := sort.Search(len(s.shards), func(k int) bool { return s.starts[k+1] > i })
	row := i - s.starts[k]
	origin := fmt.Sprintf("%s:%d", s.paths[k], row)
	batch, at := s.shards[k].Locate(row)
	cols, err := s.shards[k].Batch(batch)
	if err != nil {
		return Sample{Origin: origin}, fmt.Errorf("%s: %w", origin, err)
	}
	o, err := s.rows[k].read(cols, int64(at), &s.opt)
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

func (s *arrowSource) Close() error {
	var err error
	for _, x := range s.shards {
		err = errors.Join(err, x.Close())
	}
	return err
}

// A rowError is of a row of a shard.
type rowError struct {
	row int
	error
}

// prefixed puts between a shard's name and an error what belongs there: the row, if there is one.
func prefixed(err error) error {
	if e, ok := err.(*rowError); ok {
		return fmt.Errorf(":%d: %w", e.row, e.error)
	}
	return fmt.Errorf(": %w", err)
}

// refuse finds the first row in which a suspect holds something.
func refuse(shard *arrowipc.Stream, bad []suspect) error {
	for _, s := range bad {
		row := 0
		for b := range shard.Batches() {
			cols, err := shard.Batch(b)
			if err != nil {
				return err
			}
			c := &cols[s.column]
			for i := range c.Len {
				yes, err := holds(c, i, s.path)
				if err == nil && yes {
					err = s.problem
					if len(s.path) > 0 {
						err = fmt.Errorf("%s: %w", strings.Join(append([]string{c.Name}, s.path[:len(s.path)-1]...), ": "), err)
					}
				}
				if err != nil {
					return &rowError{row, err}
				}
				row++
			}
		}
	}
	return nil
}
