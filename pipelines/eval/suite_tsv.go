package eval

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/picturefile"
)

// SuiteOptions steer how a file becomes a suite. The zero value reads every published MMBench, CCBench and POPE file.
type SuiteOptions struct {
	// Name is the suite's name in results; the file's base name without .tsv when empty.
	Name string
	// Called stands in errors for the file's path, where people have not named that; empty: the path does.
	Called string
	// Kind is detected when empty: yes/no without option columns; circular when the file holds rotated rows (index >= 1e6 with
	// its base row there too) or its name has mmbench, ccbench, circular or mmcr in it (VLMEvalKit's rule); else vanilla.
	Kind Kind
	// PandasMissing treats the texts that pandas.read_csv takes for a missing value (None, NA, nan, null..) as empty fields, as
	// VLMEvalKit does without meaning to: an option "None" is then not asked. Off, such texts stay what they are.
	PandasMissing bool
	// Family is the benchmark, which protocols go by; by name and kind when empty.
	Family Family
	// Columns gives the file's names of columns that are called otherwise there: {"question": "prompt"}.
	Columns map[string]string
	// Images are folders in which pictures that the column image_path names are looked for, in order, before the table's own:
	// its folder and images/ in it.
	Images []string
	// TextRows lets rows have no picture in a table that has pictures. Tables of ScienceQA and MMMU may, in any other a
	// row without one is an error.
	TextRows bool
	// TextOnly looks for no pictures: to score answers that are there already.
	TextOnly bool
}

// pandasMissing are the default na_values of pandas.read_csv 2.x.
var pandasMissing = map[string]bool{
	"#N/A": true, "#N/A N/A": true, "#NA": true, "-1.#IND": true, "-1.#QNAN": true, "-NaN": true, "-nan": true, "1.#IND": true,
	"1.#QNAN": true, "<NA>": true, "N/A": true, "NA": true, "NULL": true, "NaN": true, "None": true, "n/a": true, "nan": true, "null": true,
}

// PandasMissing says whether pandas.read_csv and read_excel take a cell for a missing value.
func PandasMissing(cell string) bool { return cell == "" || pandasMissing[cell] }

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

// textColumns are read besides A..Z, index, answer and image.
var textColumns = []string{"question", "hint", "category", "source", "l2-category", "comment", "split"}

// OpenSuite reads a suite from a TSV file (see ReadSuite), from a .json file of MMMU or LLM-Adapters, or as a .yaml Definition says. The file must stay where it is: pictures are decoded from it when
// they are needed.
func OpenSuite(path string, opt SuiteOptions) (*Suite, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		return openDefinition(path, opt)
	case ".json":
		return openJSONSuite(path, opt)
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
	return ReadSuite(opt.Called, f, opt)
}

// ReadSuite reads the TSV dialect of MMBench and VLMEvalKit (docs/en/Development.md): columns index and question, then
// as the suite has them hint, A, B, C.. (options), answer, category, image, source, l2-category, comment, split. image
// is base64, or, when at most 64 characters long, the index of the row that has the picture; several pictures are a
// Python list of texts, ['..', '..']. Without it, image_path names a file in one of opt.Images, or is a list of
// such names. When a circular suite holds only base rows, the rotated ones are generated and Notes says so. r is read again
// whenever a picture is needed; name stands for it in errors, which tell file, line and column.
func ReadSuite(name string, r io.ReaderAt, opt SuiteOptions) (*Suite, error) {
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

// columns is a header: where each column stands.
type columns struct {
	index   map[string]int
	options []byte // letters that have a column, in order
}

func (c columns) at(name string) int {
	if i, ok := c.index[name]; ok {
		return i
	}
	return -1
}

// header reads the names of columns.
func (r *suiteRows) header(row []field) error {
	t, c := r.table, columns{index: map[string]int{}}
	for i, f := range row {
		if f.text == "" {
			return t.errorf(f.line, i, "found a column without a name")
		}
		t.names = append(t.names, f.text)
		name := r.opt.renamed(f.text)
		if name == "" {
			continue
		}
		if _, twice := c.index[name]; twice {
			return t.errorf(f.line, i, "found column %q twice", f.text)
		}
		c.index[name] = i
		if len(name) == 1 && name[0] >= 'A' && name[0] <= 'Z' {
			c.options = append(c.options, name[0])
		}
	}
	slices.Sort(c.options)
	if err := r.nearMiss(c); err != nil {
		return err
	}
	for _, need := range []string{"index", "question"} {
		if c.at(need) < 0 {
			return fmt.Errorf("%s:1: found columns %q, expected a column %q and tabs, commas or semicolons between columns", t.name, t.names, need)
		}
	}
	for ours, theirs := range r.opt.Columns {
		if c.at(ours) < 0 {
			return fmt.Errorf("%s:1: found columns %q, expected a column %q for %s", t.name, t.names, theirs, ours)
		}
	}
	if !r.opt.TextOnly && c.at("image_1") >= 0 && c.at("image") < 0 {
		return fmt.Errorf("%s:1: found column \"image_1\" without \"image\", expected a question's pictures as a list of base64 in column \"image\"", t.name)
	}
	r.cols = c
	return nil
}

// suiteRows gathers items while the file is read.
type suiteRows struct {
	table *table
	cols  columns
	opt   SuiteOptions
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

func newSuiteRows(t *table, opt SuiteOptions, r io.ReaderAt) *suiteRows {
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

func (r *suiteRows) add(row []field) error {
	t := r.table
	line := row[0].line
	if len(row) != len(t.names) {
		return t.errorf(line, -1, "found %d fields, expected %d", len(row), len(t.names))
	}
	at := r.cols.at("index")
	index, err := readIndex(row[at].text)
	if err != nil {
		return t.errorf(row[at].line, at, "%w", err)
	}
	if first, twice := r.seen[index.text]; twice {
		return t.errorf(row[at].line, at, "found index %s again, it is on line %d already", index.text, first)
	}
	r.seen[index.text] = line
	it := Item{ID: index.number, Group: index.number, Index: index.text}
	for i, to := range []*string{&it.Question, &it.Hint, &it.Category, &it.Source, &it.L2, &it.Comment, &it.Split} {
		*to = r.text(row, textColumns[i])
	}
	if strings.TrimSpace(it.Question) == "" {
		return t.errorf(line, r.cols.at("question"), "found an empty field, expected a question")
	}
	for _, l := range r.cols.options {
		if text := r.text(row, string(l)); text != "" {
			it.Choices = append(it.Choices, Choice{l, text})
		}
	}
	it.Name = r.nameOf(row)
	if err = r.question(row, &it); err != nil {
		return err
	}
	ref, err := r.picture(row, index)
	if err != nil {
		return err
	}
	r.items, r.index, r.refs = append(r.items, it), append(r.index, index), append(r.refs, ref)
	return nil
}

// suite resolves pictures and passes once all rows are known.
func (r *suiteRows) suite() (*Suite, error) {
	if len(r.items) == 0 {
		return nil, fmt.Errorf("%s: found no rows after the header, expected at least one", r.table.name)
	}
	if err := r.number(); err != nil {
		return nil, err
	}
	if err := r.pictures(); err != nil {
		return nil, err
	}
	for i, it := range r.items {
		if r.early != YesNoPairs || it.Pair != "" {
			continue
		}
		if it.ImageKey == "" {
			return nil, r.table.errorf(r.lines[it.ID], -1, "row %s: found neither image_path nor a picture, expected what says which two questions belong together", itemName(it))
		}
		r.items[i].Pair = it.ImageKey
	}
	name := r.opt.Name
	if name == "" {
		name = r.table.name
	}
	kind := r.kind(name)
	var notes []string
	if kind == Circular {
		var err error
		if notes, err = r.passes(); err != nil {
			return nil, err
		}
	}
	notes = append(notes, r.notes()...)
	var from Pictures = r.store
	if r.cols.at("image") < 0 && r.cols.at("image_path") >= 0 {
		from = r.files
	}
	s, err := NewSuite(name, kind, r.items, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.table.name, err)
	}
	if s.Family = r.opt.Family; s.Family == "" {
		s.Family = familyOf(name, kind)
	}
	s.Notes = append(notes, s.Notes...)
	return s, nil
}

func (r *suiteRows) kind(name string) Kind {
	if r.opt.Kind != "" {
		return r.opt.Kind
	}
	if r.early != "" {
		return r.early
	}
	if r.yesNo() {
		return YesNo
	}
	name = strings.ToLower(name)
	for _, part := range []string{"mmbench", "ccbench", "circular", "mmcr"} {
		if strings.Contains(name, part) {
			return Circular
		}
	}
	if r.rotated() > 0 {
		return Circular
	}
	return Vanilla
}

// rotated counts the rows that are pass 1 or later of a base row in the file.
func (r *suiteRows) rotated() int {
	n := 0
	for _, it := range r.items {
		if it.ID < groupOffset {
			continue
		}
		if _, ok := r.lines[it.ID%groupOffset]; ok {
			n++
		}
	}
	return n
}
