package predictions

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/pipelines/eval/suites"
)

// Limits on what a sheet may make the reader hold.
const (
	maxSheetRows  = 1 << 20
	maxSheetCells = 256
	maxUnzipped   = 2 << 30
	maxPart       = 512 << 20 // of one part in memory; larger ones go to a temporary file
)

// answerColumn is where VLMEvalKit's tables have the model's answer.
const answerColumn = "prediction"

// missing is what an empty cell, or one that pandas takes for missing, is to VLMEvalKit, which makes a text of NaN.
const missing = "nan"

// readXLSX reads the first sheet. Cells are taken as they are stored, formulas are not computed.
func readXLSX(path string) (f *File, err error) {
	b, err := infile.Read(path, maxPart)
	if err != nil {
		return nil, err
	}
	scratch, release, scratchErr := atomicfile.ScratchDir() // of large parts, which few files have
	if scratchErr == nil {
		defer func() { err = errors.Join(err, release()) }()
	}
	x, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxPart, TmpDir: scratch})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer func() {
		if closing := x.Close(); err == nil && closing != nil {
			err = closing
		}
	}()
	sheets := x.GetSheetList()
	if len(sheets) == 0 {
		return nil, fmt.Errorf("%s: found no sheet", path)
	}
	rows, err := x.Rows(sheets[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all [][]string
	for rows.Next() {
		cells, err := rows.Columns()
		if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", path, len(all)+1, err)
		}
		if len(all) == maxSheetRows || len(cells) > maxSheetCells {
			return nil, fmt.Errorf("%s: row %d: found more than %d rows or %d cells", path, len(all)+1, maxSheetRows, maxSheetCells)
		}
		all = append(all, cells)
	}
	if err := rows.Error(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: found an empty sheet, expected a header", path)
	}
	return fromTable(path, all[0], all[1:])
}

// readTSV reads a tab-separated table as suites are read.
func readTSV(path string) (*File, error) {
	header, rows, err := suites.ReadTable(path)
	if err != nil {
		return nil, err
	}
	return fromTable(path, header, rows)
}

// fromTable takes the answers out of a table; what is left are the questions, if there are any.
func fromTable(path string, header []string, rows [][]string) (*File, error) {
	index, answer := slices.Index(header, "index"), slices.Index(header, answerColumn)
	if index < 0 {
		index = slices.Index(header, "id")
	}
	if index < 0 || answer < 0 {
		return nil, fmt.Errorf("%s: found columns %s, expected index and %s", path, strings.Join(header, ", "), answerColumn)
	}
	f := &File{Path: path, table: &sheet{}}
	keep := func(cells []string) (out []string) {
		for i := range header {
			if i == answer || header[i] == "" {
				continue
			}
			cell := ""
			if i < len(cells) {
				cell = cells[i]
			}
			out = append(out, cell)
		}
		return out
	}
	f.table.columns = keep(header)
	for i, cells := range rows {
		a := Answer{at: fmt.Sprintf("%s: row %d", path, i+2), Text: missing}
		if !slices.ContainsFunc(cells, func(c string) bool { return c != "" }) {
			continue // sheets end with empty rows
		}
		if len(cells) > len(header) {
			return nil, fmt.Errorf("%s: found %d cells, expected %d", a.at, len(cells), len(header))
		}
		if index >= len(cells) {
			return nil, fmt.Errorf("%s: found no index", a.at)
		}
		if err := a.identify(cells[index]); err != nil {
			return nil, fmt.Errorf("%s: %w", a.at, err)
		}
		if answer < len(cells) && !suites.PandasMissing(cells[answer]) {
			a.Text = cells[answer]
		}
		f.Answers = append(f.Answers, a)
		f.table.rows = append(f.table.rows, keep(cells))
	}
	if !slices.Contains(f.table.columns, "question") {
		f.table = nil
	}
	return f, nil
}
