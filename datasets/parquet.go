package datasets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// A parquetSource is the rows of one Parquet file. A row is read from the pages that hold it; what it costs depends on the
// size of pages, and on the page index that tells where they are, without which a column of the row group is read up to the row.
type parquetSource struct {
	path    string
	f       *byteFile
	file    *parquet.File
	columns []*parquetNode
	keys    []string // that they are taken for
	starts  []int64  // first row of each row group, then the number of rows
	opt     Options
	picture func(name string) ([]byte, error) // reads one that a row names
}

// openParquet opens a file in Parquet's format. Its columns are those that OpenArrow reads.
func openParquet(path string, opt Options) (src Source, err error) {
	f, err := opt.openBytes(path)
	if err != nil {
		return nil, err
	}
	s := &parquetSource{path: path, f: f, opt: opt, picture: opt.reader(path), starts: []int64{0}}
	if err := s.guarded(s.open); err != nil {
		return nil, errors.Join(fmt.Errorf("%s%w", path, prefixed(err)), f.Close())
	}
	return s, nil
}

// guarded makes a panic of the Parquet reader, at a damaged file, an error.
func (s *parquetSource) guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged Parquet file: %v", r)
		}
	}()
	return do()
}

func (s *parquetSource) open() error {
	size := s.f.Size()
	if err := checkFooter(s.f, size); err != nil {
		return err
	}
	var err error
	if s.file, err = parquet.OpenFile(s.f, size, parquet.SkipBloomFilters(true)); err != nil {
		return fmt.Errorf("not a whole Parquet file: %w", err)
	}
	if err := checkChunks(s.file, size); err != nil {
		return err
	}
	for _, g := range s.file.RowGroups() {
		n := s.starts[len(s.starts)-1] + g.NumRows()
		if g.NumRows() < 0 || n > maxLen {
			return fmt.Errorf("more than %d rows", maxLen)
		}
		s.starts = append(s.starts, n)
	}
	schema, err := arrowSchema(s.file.Root())
	if err != nil {
		return err
	}
	r, bad, err := newRowReader(schema, &s.opt)
	if err != nil {
		return err
	}
	for _, b := range bad {
		if err := s.refuse(b); err != nil {
			return err
		}
	}
	all := s.file.Root().Columns()
	for at, i := range r.columns {
		if n := newParquetNode(all[i], r.level.keys[r.keys[at]].inside, &s.opt); n != nil {
			s.columns, s.keys = append(s.columns, n), append(s.keys, r.keys[at])
		}
	}
	return nil
}

// checkFooter compares the footer's declared size with the file's: the reader would take memory for it first.
func checkFooter(f io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return fmt.Errorf("not a whole Parquet file: %d bytes", size)
	}
	if _, err := f.ReadAt(end[:], size-8); err != nil {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(end[:])); string(end[4:]) != "PAR1" || n > size-12 {
		return fmt.Errorf("not a whole Parquet file: it ends in %q, and declares a footer of %d bytes in %d", end[4:], n, size)
	}
	return nil
}

// checkChunks compares where columns lie with the file's size.
func checkChunks(f *parquet.File, size int64) error {
	for i, g := range f.Metadata().RowGroups {
		for _, c := range g.Columns {
			m := c.MetaData
			switch m.Codec {
			case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli:
			default: // of LZ4 the reader takes ever more memory when the data are damaged
				return fmt.Errorf("pages are compressed with %s, expected snappy, gzip, zstd, brotli or none", m.Codec)
			}
			if min(m.TotalCompressedSize, m.TotalUncompressedSize, m.DataPageOffset, m.NumValues) < 0 ||
				m.TotalCompressedSize > size || m.DataPageOffset > size-m.TotalCompressedSize {
				return fmt.Errorf("damaged Parquet file: row group %d declares %d bytes at %d in a file of %d",
					i, m.TotalCompressedSize, m.DataPageOffset, size)
			}
		}
	}
	return nil
}

// refuse finds the first row in which a suspect holds something.
func (s *parquetSource) refuse(b suspect) error {
	column := s.file.Root().Columns()[b.column]
	at := []string{column.Name()}
	for _, name := range b.path {
		// Lists have one or two groups of their own between them and the fields of their elements.
		next := column.Column(name)
		for next == nil && len(column.Columns()) == 1 {
			column = column.Columns()[0]
			next = column.Column(name)
		}
		if next == nil {
			return fmt.Errorf("column %s has no field %s", strings.Join(at, ": "), name)
		}
		column, at = next, append(at, name)
	}
	for _, leaf := range leaves(column) {
		row, found, err := s.first(leaf)
		if err != nil {
			return err
		}
		if found {
			err := b.problem
			if len(b.path) > 0 {
				err = fmt.Errorf("%s: %w", strings.Join(at[:len(at)-1], ": "), err)
			}
			return &rowError{int(row), err}
		}
	}
	return nil
}

// first is the first row in which a leaf has a value that says something.
func (s *parquetSource) first(leaf int) (row int64, found bool, err error) {
	row = -1
	for _, g := range s.file.RowGroups() {
		err := eachValue(g.ColumnChunks()[leaf], 0, func(v parquet.Value) bool {
			if v.RepetitionLevel() == 0 {
				row++
			}
			found = !v.IsNull() && !(isBytes(v.Kind()) && len(v.ByteArray()) == 0)
			return !found
		})
		if err != nil || found {
			return row, found, err
		}
	}
	return row, false, nil
}

func isBytes(k parquet.Kind) bool { return k == parquet.ByteArray || k == parquet.FixedLenByteArray }

// eachValue goes through the values of a column from a row on, until f has had enough.
func eachValue(c parquet.ColumnChunk, from int64, f func(parquet.Value) bool) (err error) {
	pages := c.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	if err := pages.SeekToRow(from); err != nil {
		return err
	}
	var buf [64]parquet.Value
	for {
		page, err := pages.ReadPage()
		if err != nil {
			return notEOF(err)
		}
		values := page.Values()
		for {
			n, err := values.ReadValues(buf[:])
			for _, v := range buf[:n] {
				if !f(v) {
					parquet.Release(page)
					return nil
				}
			}
			if err := notEOF(err); err != nil {
				return err
			}
			if err != nil || n == 0 {
				break
			}
		}
		parquet.Release(page)
	}
}

func (s *parquetSource) Len() int     { return int(s.starts[len(s.starts)-1]) }
func (s *parquetSource) Close() error { return s.f.Close() }

func (s *parquetSource) At(i int) (x Sample, err error) {
	if i < 0 || i >= s.Len() {
		return x, fmt.Errorf("%s: row %d of %d", s.path, i, s.Len())
	}
	origin := fmt.Sprintf("%s:%d", s.path, i)
	err = s.guarded(func() error {
		o, err := s.row(int64(i))
		if err == nil {
			x, err = s.opt.sample(o, s.picture)
		}
		return err
	})
	x.Origin = origin
	if err != nil {
		return x, fmt.Errorf("%s: %w", origin, err)
	}
	return x, nil
}

// row reads one row of the columns that are used.
func (s *parquetSource) row(i int64) (*object, error) {
	g := 0
	for s.starts[g+1] <= i {
		g++
	}
	chunks := s.file.RowGroups()[g].ColumnChunks()
	o := &object{}
	left := maxValues
	for at, n := range s.columns {
		values := map[int][]parquet.Value{}
		for _, leaf := range n.leaves() {
			err := eachValue(chunks[leaf], i-s.starts[g], func(v parquet.Value) bool {
				if v.RepetitionLevel() == 0 && len(values[leaf]) > 0 {
					return false
				}
				values[leaf] = append(values[leaf], v.Clone())
				left--
				return left > 0
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", n.name, err)
			}
			if left <= 0 {
				return nil, fmt.Errorf("more than %d values in a row", maxValues)
			}
			if len(values[leaf]) == 0 {
				return nil, fmt.Errorf("%s: the row is not there", n.name)
			}
		}
		o.fields = append(o.fields, field{s.keys[at], n.value(values)})
	}
	return o, nil
}
