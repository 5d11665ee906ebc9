package suites

import "io"

// suiteRows gathers items while the file is read.
type suiteRows struct {
	table *table
	cols  columns
	opt   Options
	store *store
	files *pictureFiles
	items []Item
	index []rowIndex     // of each item
	refs  []field        // image field of each item
	seen  map[string]int // line of each index, as it is spelt in one way
	lines map[int64]int  // line of each ID, once they are known

	early  Kind   // what is known before the rows are: kinds that cells are read by; empty for options and yes/no
	family Family // the same of the benchmark
}

func newSuiteRows(t *table, opt Options, r io.ReaderAt) *suiteRows {
	s := &suiteRows{table: t, opt: opt, store: newStore(t.name, r), files: newPictureFiles(opt.Images),
		seen: map[string]int{}, lines: map[int64]int{}, family: opt.Family}
	name := opt.Name
	if name == "" {
		name = t.name
	}
	if s.family == "" {
		s.family = familyOf(name, opt.Kind)
	}
	if s.early = opt.Kind; s.early == "" {
		s.early = s.family.kind()
	}
	if s.early == Circular || s.early == Vanilla || s.early == YesNo {
		s.early = ""
	}
	return s
}

// text is a cell's text, empty when the column is not there.
func (r *suiteRows) text(row []field, name string) string {
	i := r.cols.at(name)
	if i < 0 || (r.opt.PandasMissing && pandasMissing[row[i].text]) {
		return ""
	}
	return row[i].text
}
