// Package records writes answers as the prediction files that VLMEvalKit keeps and re-scores and that MMBench's server
// takes. It knows the columns and their order, and what a spreadsheet program does to a cell. It scores nothing;
// package predictions reads such files.
package records

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// Names of the files in a suite's directory.
const (
	XLSXFile = "predictions.xlsx"
	TSVFile  = "predictions.tsv"
)

// A Table is a prediction file: a row for each answered item, in the order of VLMEvalKit's inference (infer_data_job in
// vlmeval/inference.py, ms-vlmeval 0.0.20): the suite's own columns without pictures, and the answer last.
type Table struct {
	Columns []string
	Rows    []Row
}

// Row is an item's line. Texts are those of Columns[1:]; Columns[0] is the index.
type Row struct {
	Index int64
	Name  string // the index where it is no number; empty if it is
	Texts []string
}

// prediction is the last column.
const prediction = "prediction"

// column is one that is not there for every suite.
type column struct {
	name string
	of   func(suites.Item) string
}

// columnsOf are a suite's columns; those that no item fills are left out.
func columnsOf(family suites.Family, items []suites.Item) []column {
	cols := mmbenchColumns(items)
	switch family {
	case suites.Own:
		for i := range cols {
			if cols[i].name == "answer" {
				cols[i].of = ownAnswer
			}
		}
	case suites.MathVista:
		cols = mathVistaColumns
	case suites.MME:
		cols = append(cols, column{"image_path", func(it suites.Item) string { return it.Pair }})
	}
	return slices.DeleteFunc(slices.Clone(cols), func(c column) bool {
		return !slices.ContainsFunc(items, func(it suites.Item) bool { return c.of(it) != "" })
	})
}

// mathVistaColumns are those that VLMEvalKit scores MathVista by (utils/mathvista.py). A list as an answer is a text
// there, too.
var mathVistaColumns = []column{
	{"hint", func(it suites.Item) string { return it.Hint }},
	{"question_type", func(it suites.Item) string {
		if len(it.Choices) > 0 {
			return "multi_choice"
		}
		return "free_form"
	}},
	{"answer_type", func(it suites.Item) string {
		if len(it.Choices) > 0 {
			return string(suites.FreeText)
		}
		return string(it.Form)
	}},
	{"choices", func(it suites.Item) string {
		if len(it.Choices) == 0 {
			return "[]"
		}
		texts := make([]string, len(it.Choices))
		for i, c := range it.Choices {
			texts[i] = c.Text
		}
		return pytext.List(texts)
	}},
	{"answer", func(it suites.Item) string {
		if len(it.Choices) > 0 {
			return choice(it, it.Answer)
		}
		return it.Answer
	}},
	{"answer_option", func(it suites.Item) string {
		if len(it.Choices) > 0 {
			return it.Answer
		}
		return ""
	}},
	{"task", func(it suites.Item) string { return it.Category }},
	{"skills", func(it suites.Item) string { return pytext.List(it.Topics) }},
	{"source", func(it suites.Item) string { return it.Source }},
	{"l2-category", func(it suites.Item) string { return it.L2 }},
	{"comment", func(it suites.Item) string { return it.Comment }},
	{"split", func(it suites.Item) string { return it.Split }},
}

// choice is the text of the option with that letter.
func choice(it suites.Item, letter string) string {
	for _, c := range it.Choices {
		if string(c.Letter) == letter {
			return c.Text
		}
	}
	return ""
}

// ownAnswer is the answer, or a list of all that are accepted, which a table of the family is read with.
func ownAnswer(it suites.Item) string {
	if _, list := pytext.ParseList(it.Answer); list && len(it.Answers) == 0 {
		return pytext.List([]string{it.Answer})
	}
	if len(it.Answers) > 0 {
		return pytext.List(it.Answers)
	}
	return it.Answer
}

// mmbenchColumns are in the order of MMBench's files.
func mmbenchColumns(items []suites.Item) []column {
	cols := []column{{"hint", func(it suites.Item) string { return it.Hint }}}
	var letters []byte
	for _, it := range items {
		for _, c := range it.Choices {
			if !slices.Contains(letters, c.Letter) {
				letters = append(letters, c.Letter)
			}
		}
	}
	slices.Sort(letters)
	for _, l := range letters {
		cols = append(cols, column{string(l), func(it suites.Item) string { return choice(it, string(l)) }})
	}
	return append(cols,
		column{"answer", func(it suites.Item) string { return it.Answer }},
		column{"category", func(it suites.Item) string { return it.Category }},
		column{"source", func(it suites.Item) string { return it.Source }},
		column{"l2-category", func(it suites.Item) string { return it.L2 }},
		column{"comment", func(it suites.Item) string { return it.Comment }},
		column{"split", func(it suites.Item) string { return it.Split }})
}

// NewTable makes the prediction file of verdicts on items of a suite, in the columns that VLMEvalKit's table of the
// family has. A protocol that reads log-probabilities has no text: the letter it took stands in its place. Items
// without a verdict and passes that were not asked have no row; a verdict without an item is an error.
func NewTable(family suites.Family, items []suites.Item, verdicts []protocols.Verdict) (*Table, error) {
	answers := make(map[int64]string, len(verdicts))
	known := make(map[int64]bool, len(items))
	for _, it := range items {
		known[it.ID] = true
	}
	for _, v := range verdicts {
		switch {
		case !known[v.ID]:
			return nil, fmt.Errorf("found a verdict on item %d, which is not among the %d items", v.ID, len(items))
		case v.Rule == protocols.RuleNotAsked:
			continue
		case len(v.LogProbs) > 0:
			answers[v.ID] = v.Extracted
		default:
			answers[v.ID] = v.Raw
		}
	}
	var asked []suites.Item
	for _, it := range items {
		if _, ok := answers[it.ID]; ok {
			asked = append(asked, it)
		}
	}
	slices.SortFunc(asked, func(a, b suites.Item) int { return cmp.Compare(a.ID, b.ID) })
	cols := columnsOf(family, asked)
	t := &Table{Columns: []string{"index", "question"}}
	for _, c := range cols {
		t.Columns = append(t.Columns, c.name)
	}
	t.Columns = append(t.Columns, prediction)
	for _, it := range asked {
		r := Row{Index: it.ID, Name: it.Index, Texts: []string{it.Question}}
		for _, c := range cols {
			r.Texts = append(r.Texts, c.of(it))
		}
		r.Texts = append(r.Texts, answers[it.ID])
		t.Rows = append(t.Rows, r)
	}
	return t, nil
}

// index is what stands in the first column.
func (r Row) index() string {
	if r.Name != "" {
		return r.Name
	}
	return strconv.FormatInt(r.Index, 10)
}

// where names a cell in messages.
func (t *Table) where(r Row, col int) string {
	return "row " + r.index() + ", column " + strconv.Quote(t.Columns[col])
}
