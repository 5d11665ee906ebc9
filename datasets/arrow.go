package datasets

import (
	"errors"
	"fmt"
	"path/filepath"
	"sort"

	"moslava/datasets/arrowipc"
)

// An arrowSource is the rows of one or more Arrow streams, one after the other.
type arrowSource struct {
	shards []*arrowipc.Stream
	paths  []string
	rows   []rowReader
	starts []int // first row of each shard, then the number of rows
	root   []string
}

// OpenArrow opens Arrow IPC streams as one source. Rows have the columns
//
//	id             string or integer, optional
//	image          struct<bytes, path>, binary or string (a path); null: text only
//	images         list of the same, instead of image
//	conversations  list<struct<from, value>> or struct<from: list, value: list>
//	messages       the same with role and content; content may be a list of
//	               struct<type, text>, as TRL writes it
//
// Other columns are ignored. Pictures stored as a path alone are read from the
// folder of the first file. Each file is memory-mapped; memory does not grow
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
	s := &arrowSource{paths: paths, starts: []int{0}, root: opt.roots(filepath.Dir(paths[0]))}
	if err := s.open(want); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *arrowSource) open(want *rowCount) error {
	cut := ""
	for i, p := range s.paths {
		shard, err := arrowipc.Open(p)
		if err != nil {
			return err
		}
		s.shards = append(s.shards, shard)
		if !shard.Complete() && cut == "" {
			cut = p
		}
		r, err := newRowReader(shard.Schema())
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
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
	x, err := s.rows[k].read(cols, int64(at), s.root)
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
