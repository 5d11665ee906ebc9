package suites

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"moslava/internal/picturefile"
)

// ReadTable reads a table as suites are read, without its meaning: a header and as many cells a row.
func ReadTable(path string) (header []string, rows [][]string, err error) {
	f, err := openStored(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.close()
	t := newTable(path, io.NewSectionReader(f, 0, 1<<62))
	for {
		fields, err := t.row(-1)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		cells := make([]string, len(fields))
		for i, f := range fields {
			cells[i] = f.text
		}
		if t.names == nil {
			t.names, header = cells, cells
			continue
		}
		if len(cells) != len(header) {
			return nil, nil, t.errorf(fields[0].line, -1, "found %d fields, expected %d", len(cells), len(header))
		}
		if len(rows) == maxRows {
			return nil, nil, fmt.Errorf("%s: found more than %d rows, expected at most that", path, maxRows)
		}
		rows = append(rows, cells)
	}
	if header == nil {
		return nil, nil, fmt.Errorf("%s: found an empty file, expected a header line", path)
	}
	return header, rows, nil
}

// OpenFile reads a suite from a table (see [Read]) or from a .json file of MMMU or LLM-Adapters. The file must stay
// where it is: pictures are decoded from it when they are needed.
func OpenFile(path string, opt Options) (*Suite, error) {
	if strings.ToLower(filepath.Ext(path)) == ".json" {
		return openJSON(path, opt)
	}
	f, err := openStored(path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if opt.Name == "" {
		opt.Name = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".tsv"), ".csv")
	}
	if opt.Called == "" {
		opt.Called = path
	}
	if err := picturefile.Check(opt.Images); err != nil {
		return nil, fmt.Errorf("%s: %w", opt.Called, err)
	}
	opt.Images = picturefile.Folders(opt.Images, path)
	return Read(opt.Called, f, opt)
}

// Read reads the TSV dialect of MMBench and VLMEvalKit (docs/en/Development.md): columns index and question, then
// as the suite has them hint, A, B, C.. (options), answer, category, image, source, l2-category, comment, split. image
// is base64, or, when at most 64 characters long, the index of the row that has the picture; several pictures are a
// Python list of texts, ['..', '..']. Without it, image_path names a file in one of opt.Images, or is a list of
// such names. When a circular suite holds only base rows, the rotated ones are generated and Notes says so. r is read again
// whenever a picture is needed; name stands for it in errors, which tell file, line and column.
func Read(name string, r io.ReaderAt, opt Options) (*Suite, error) {
	t := newTable(name, io.NewSectionReader(r, 0, 1<<62))
	rows := newSuiteRows(t, opt, r)
	row, err := t.row(-1)
	if err == io.EOF {
		return nil, fmt.Errorf("%s: found an empty file, expected a header line", name)
	}
	if err != nil {
		return nil, err
	}
	if err := rows.header(row); err != nil {
		return nil, err
	}
	for {
		row, err := t.row(rows.cols.at("image"))
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(rows.items) == maxRows {
			return nil, fmt.Errorf("%s: found more than %d rows, expected at most that", name, maxRows)
		}
		if err := rows.add(row); err != nil {
			return nil, err
		}
	}
	return rows.suite()
}

// FromRows makes a suite of rows that were read elsewhere, a sheet for example: columns and cells as Read has them. No
// picture is looked for. Lines in errors are rows, the header being row 1.
func FromRows(name string, header []string, rows [][]string, opt Options) (*Suite, error) {
	opt.TextOnly = true
	t := &table{name: name}
	fields := func(cells []string, line int) []field {
		out := make([]field, len(header))
		for i := range out {
			out[i].line = line
			if i < len(cells) {
				out[i].text = cells[i]
			}
		}
		return out
	}
	r := newSuiteRows(t, opt, nil)
	if err := r.header(fields(header, 1)); err != nil {
		return nil, err
	}
	for i, row := range rows {
		if err := r.add(fields(row, i+2)); err != nil {
			return nil, err
		}
	}
	return r.suite()
}
