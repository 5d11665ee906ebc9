package datasets

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A csvSource keeps where each row starts, and reads it when asked.
type csvSource struct {
	path    string
	f       *byteFile
	sep     byte
	names   []string // of the columns
	columns []csvColumn
	starts  []int64 // of each row, then the end of the last: 8 bytes a row
	opt     Options
	picture func(name string) ([]byte, error)
}

// A csvColumn is one that is read.
type csvColumn struct {
	at     int
	key    string
	nested bool // its cells hold JSON
}

// openCSV opens a table of CSV or TSV, whose first line names the columns. Cells are texts as they stand there: pandas would make
// numbers of some and nothing of "NA". A cell of a key that takes lists or objects holds JSON.
func openCSV(opt Options, path string) (Source, error) {
	f, err := opt.openPlain(path)
	if err != nil {
		return nil, err
	}
	s := &csvSource{path: path, f: f, sep: ',', opt: opt, picture: opt.reader(path)}
	if strings.EqualFold(filepath.Ext(plainName(path)), ".tsv") {
		s.sep = '\t'
	}
	if err := s.index(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// index reads the whole table once.
func (s *csvSource) index() error {
	d := newDelimited(s.f, s.sep)
	if err := d.mark(); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	names, _, line, err := d.record()
	if err == io.EOF {
		return fmt.Errorf("%s: no line with the names of columns", s.path)
	}
	if err == nil {
		err = s.header(names)
	}
	if err != nil {
		return fmt.Errorf("%s: line %d: %w", s.path, line, err)
	}
	bad, err := s.choose()
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	for {
		cells, at, line, err := d.record()
		if err == io.EOF {
			s.starts = append(s.starts, d.at)
			return nil
		}
		row := len(s.starts)
		if err == nil && len(cells) != len(s.names) {
			err = fmt.Errorf("%d cells, and line 1 names %d columns: a cell with the separator or a line break in it stands in quotes", len(cells), len(s.names))
		}
		for i := range bad {
			if err == nil && bad[i] != nil && cells[i] != "" {
				err = bad[i]
			}
		}
		for _, c := range s.columns {
			if err == nil && c.nested && s.opt.Values {
				err = s.opt.checkCell(c.key, cells[c.at])
			}
		}
		if err == nil && row >= maxLen {
			err = fmt.Errorf("more than %d rows", maxLen)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w (line %d)", s.path, row, err, line)
		}
		s.starts = append(s.starts, at)
	}
}

// header takes the names of columns. One without a name is called as pandas calls it.
func (s *csvSource) header(names []string) error {
	for i, name := range names {
		if name == "" {
			names[i] = fmt.Sprintf("Unnamed: %d", i)
		} else if k := slices.Index(names, name); k < i {
			return fmt.Errorf("columns %d and %d are both called %q", k+1, i+1, name)
		}
	}
	s.names = names
	return nil
}

// choose finds the columns that are read, and what is wrong with others if they hold anything.
func (s *csvSource) choose() (bad []error, err error) {
	bad = make([]error, len(s.names))
	level, shaped := s.opt.rows(), false
	for i, name := range s.names {
		if s.opt.meets(name) {
			continue
		}
		key, problem := s.opt.found(name)
		k := level.keys[key]
		if problem == nil && !k.passed {
			problem = level.problem(key)
		}
		if bad[i] = problem; problem != nil || k.passed && !k.kept {
			continue
		}
		shaped = shaped || s.opt.shapes(key)
		s.columns = append(s.columns, csvColumn{i, key, k.nested()})
	}
	if !shaped {
		return nil, s.opt.unshaped(s.names)
	}
	return bad, nil
}

// nested says whether a cell of text holds the JSON of the key's value.
func (k key) nested() bool {
	return !k.takes.has('"') || k.inside == pictureLevel || k.inside == answerLevel
}

// holdsJSON says whether a cell of such a key is JSON: pictures and answers may also be a text.
func holdsJSON(cell string) bool {
	cell = strings.TrimSpace(cell)
	return strings.HasPrefix(cell, "[") || strings.HasPrefix(cell, "{")
}

// checkCell looks at the keys in a cell.
func (o *Options) checkCell(name, cell string) error {
	k := o.rows().keys[name]
	switch {
	case cell == "":
		return nil
	case !holdsJSON(cell) && k.takes.has('"'):
		return nil
	case !holdsJSON(cell):
		return k.takes.misfit(name, found(cell)+", and cells are read as JSON here")
	}
	x := newIndexer(strings.NewReader(cell), o)
	x.in.left = maxRow
	x.d = jsontext.NewDecoder(x.in)
	err := x.known(o.rows(), name, false)
	if err == nil {
		if _, end := x.d.ReadToken(); end != io.EOF {
			err = errors.New("data after the JSON value")
		}
	}
	var key *keyError
	if errors.As(err, &key) {
		return key
	}
	if err != nil {
		return fmt.Errorf("%s: no JSON: %w", name, err)
	}
	return nil
}

func (s *csvSource) Len() int     { return len(s.starts) - 1 }
func (s *csvSource) Close() error { return s.f.Close() }

func (s *csvSource) At(i int) (Sample, error) {
	if i < 0 || i >= s.Len() {
		return Sample{}, fmt.Errorf("%s: row %d of %d", s.path, i, s.Len())
	}
	origin := fmt.Sprintf("%s:%d", s.path, i)
	x, err := s.read(i)
	x.Origin = origin
	if err != nil {
		return x, fmt.Errorf("%s: %w", origin, err)
	}
	return x, nil
}

func (s *csvSource) read(i int) (Sample, error) {
	if _, err := s.f.ReadAt(make([]byte, 1), s.starts[i+1]-1); err != nil {
		if err == io.EOF {
			err = errShorter
		}
		return Sample{}, err
	}
	cells, _, _, err := newDelimited(io.NewSectionReader(s.f, s.starts[i], s.starts[i+1]-s.starts[i]), s.sep).record()
	if err == nil && len(cells) != len(s.names) {
		err = errors.New("other cells than when it was opened: the file has changed")
	}
	if err != nil {
		return Sample{}, err
	}
	o := &object{}
	for _, c := range s.columns {
		var v any = cells[c.at]
		if c.nested && holdsJSON(cells[c.at]) {
			if err := s.opt.checkCell(c.key, cells[c.at]); err != nil {
				return Sample{}, err
			}
			if v, err = decodeValue(jsontext.NewDecoder(strings.NewReader(cells[c.at])), &s.opt); err != nil {
				return Sample{}, fmt.Errorf("%s: %w", c.key, err)
			}
		} else if c.nested && cells[c.at] == "" {
			v = nil
		}
		o.fields = append(o.fields, field{c.key, v})
	}
	return s.opt.sample(o, s.picture)
}
