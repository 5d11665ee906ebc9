package suites

import (
	"fmt"
	"strconv"
	"strings"
)

// rowIndex is what the column index says of a row: a whole number, or any other text.
type rowIndex struct {
	text   string // a number as %d writes it
	number int64  // -1 for a text
}

// readIndex reads an index. 12.0 is 12, as pandas writes a column of numbers in which one was missing.
func readIndex(cell string) (rowIndex, error) {
	text := strings.TrimSpace(cell)
	whole := text
	if w, zeros, ok := strings.Cut(text, "."); ok && strings.Trim(zeros, "0") == "" {
		whole = w
	}
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil && n >= 0 {
		return rowIndex{strconv.FormatInt(n, 10), n}, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil || text == "" {
		return rowIndex{}, fmt.Errorf("found %.40q, expected a whole number from 0, or a name", cell)
	}
	return rowIndex{text, -1}, nil
}

// number gives items their IDs. Where one index is a text all are, as for pandas: items are then numbered from 1 in the
// file's order, and have their index for a name.
func (r *suiteRows) number() error {
	named := -1
	for i := range r.items {
		if r.index[i].number < 0 {
			named = i
			break
		}
	}
	if named < 0 {
		for i := range r.items {
			r.lines[r.items[i].ID] = r.seen[r.index[i].text]
			r.items[i].Index = ""
		}
		return nil
	}
	if r.kind(r.suiteName()) == Circular {
		at := r.cols.at("index")
		return r.table.errorf(r.seen[r.index[named].text], at, "found %.40q, expected a whole number: a circular suite's passes are "+
			"index + pass * %d; if rows count by themselves, say kind: vanilla in a definition (.yaml)",
			r.index[named].text, PassDistance)
	}
	for i := range r.items {
		it := &r.items[i]
		it.ID, it.Group = int64(i+1), int64(i+1)
		it.Name = r.index[i].text
		r.lines[it.ID] = r.seen[it.Name]
	}
	return nil
}
