package records

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"moslava/internal/atomicfile"
)

// Limits of the format (ECMA-376; Excel's specifications and limits).
const (
	maxSheetRows = 1_048_576
	maxCell      = 32_767 // UTF-16 units of a text
)

// ChangedColumn names, in an .xlsx file that could not hold every text as it is, the columns of the row that differ.
const ChangedColumn = "not_verbatim"

// WriteXLSX writes the table as an Excel sheet, whole or not at all. The index is a number; every other cell is a text,
// in a cell formatted as text, so that no program takes "=cmd" for a formula, neither when the file is opened nor when
// the cell is edited. Texts beyond 32,767 UTF-16 units are cut there, and characters that XML cannot hold become
// U+FFFD: the column ChangedColumn, which is there for that only, names such cells, and changed has them for the reader
// of the run.
func (t *Table) WriteXLSX(path string) (changed []string, err error) {
	if len(t.Rows) >= maxSheetRows {
		return nil, fmt.Errorf("%s: found %d rows, expected fewer than %d, which is what a sheet holds", path, len(t.Rows), maxSheetRows)
	}
	rows, marks := make([][]string, len(t.Rows)), make([]string, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = make([]string, len(r.Texts))
		var which []string
		for k, text := range r.Texts {
			var why string
			if rows[i][k], why = fit(text); why != "" {
				which = append(which, t.Columns[k+1]+" "+why)
				changed = append(changed, t.where(r, k+1)+": "+why)
			}
		}
		marks[i] = strings.Join(which, "; ")
	}
	scratch, release, scratchErr := atomicfile.ScratchDir() // of large sheets; where there is none they stay in memory
	if scratchErr == nil {
		defer func() { err = errors.Join(err, release()) }()
	}
	f := excelize.NewFile(excelize.Options{TmpDir: scratch})
	defer func() { err = joinClose(err, f) }()
	if err = t.fill(f, rows, marks, len(changed) > 0); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return changed, atomicfile.WriteFile(path, func(w io.Writer) error { return f.Write(w) })
}

func joinClose(err error, f *excelize.File) error {
	if closing := f.Close(); err == nil {
		return closing
	}
	return err
}

// fill writes the sheet.
func (t *Table) fill(f *excelize.File, rows [][]string, marks []string, marked bool) error {
	text, err := f.NewStyle(&excelize.Style{NumFmt: 49}) // "@": what is typed into the cell stays text, too
	if err != nil {
		return err
	}
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		return err
	}
	put := func(row int, first any, texts []string) error {
		cells := []any{first}
		for _, s := range texts {
			if s == "" {
				cells = append(cells, nil) // an empty field, as pandas writes it
				continue
			}
			cells = append(cells, excelize.Cell{StyleID: text, Value: s})
		}
		return w.SetRow(fmt.Sprintf("A%d", row), cells)
	}
	head := t.Columns[1:]
	if marked {
		head = append(append([]string{}, head...), ChangedColumn)
	}
	if err := put(1, excelize.Cell{StyleID: text, Value: t.Columns[0]}, head); err != nil {
		return err
	}
	for i, r := range t.Rows {
		if marked {
			rows[i] = append(rows[i], marks[i])
		}
		var index any = r.Index
		if r.Name != "" {
			name, _ := fit(r.Name)
			index = excelize.Cell{StyleID: text, Value: name}
		}
		if err := put(i+2, index, rows[i]); err != nil {
			return err
		}
	}
	return w.Flush()
}

// fit makes a text one that a cell can hold and says why it had to be changed, empty if not.
func fit(s string) (text, why string) {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || inXML(r) {
			return r
		}
		why = "has characters that the format cannot hold"
		return utf8.RuneError
	}, s)
	units, end := 0, 0
	for i, r := range text {
		n := utf16.RuneLen(r)
		if units+n > maxCell {
			return text[:end], fmt.Sprintf("was cut after %d of %d bytes", end, len(text))
		}
		units += n
		end = i + utf8.RuneLen(r)
	}
	return text, why
}

// inXML says whether XML 1.0 can hold the character (its production Char).
func inXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000
}
