// Package predictions reads what models answered, in the forms in which evaluations leave it behind, and scores it
// again without a model: VLMEvalKit's .xlsx, .tsv and .json, verdicts of this program and LLaVA's answers as .jsonl,
// MMMU's output.json and parsed answers, outputs of LLM-Adapters.
package predictions

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"moslava/pipelines/eval/suites"
)

// File is a predictions file. Answers are in the file's order.
type File struct {
	Path    string
	Answers []Answer

	table *sheet // set for forms with the questions' columns
	json  []byte // the content, for MMMU's and LLM-Adapters' forms, which carry their questions
}

// Answer is what a model said to one item.
type Answer struct {
	ID   int64  // the item's number
	Name string // in its place, when the item has a name
	Text string
	at   string // file and line

	id     string // as it is written
	prompt string // of LLaVA's answers
}

// sheet is a table with the questions: columns without the answers.
type sheet struct {
	columns []string
	rows    [][]string
}

// Read reads a predictions file. Its form is told by the name's ending and by what is in it. Errors name file and line,
// or row.
func Read(path string) (*File, error) {
	var f *File
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".xlsx":
		f, err = readXLSX(path)
	case ".tsv", ".csv":
		f, err = readTSV(path)
	case ".jsonl":
		f, err = readJSONL(path)
	case ".json":
		f, err = readJSON(path)
	default:
		return nil, fmt.Errorf("%s: found a name ending in %q, expected .xlsx, .tsv, .csv, .json or .jsonl", path, ext)
	}
	if err != nil {
		return nil, err
	}
	f.Path = path
	if len(f.Answers) == 0 {
		return nil, fmt.Errorf("%s: found no answers, expected at least one", path)
	}
	seen := map[Answer]string{}
	for _, a := range f.Answers {
		key := Answer{ID: a.ID, Name: a.Name, prompt: a.prompt} // TextVQA's answers have the picture for a question_id
		if first, twice := seen[key]; twice {
			return nil, fmt.Errorf("%s: found a second answer to item %s, the first is at %s", a.at, a.item(), first)
		}
		seen[key] = a.at
	}
	return f, nil
}

// item names the answer's item.
func (a Answer) item() string {
	if a.Name != "" {
		return a.Name
	}
	return strconv.FormatInt(a.ID, 10)
}

// identify sets number or name from a cell or value.
func (a *Answer) identify(text string) error {
	a.id = text
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		a.ID = n
		return nil
	}
	if whole, zeros, ok := strings.Cut(text, "."); ok && strings.Trim(zeros, "0") == "" { // a spreadsheet's 12.0
		if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
			a.ID = n
			return nil
		}
	}
	if text == "" {
		return fmt.Errorf("found no index, expected a number or a name")
	}
	a.Name = text
	return nil
}

// Suite makes a suite of the questions that the file carries, as a definition has them. A file without questions is an
// error.
func (f *File) Suite(d suites.Definition) (s *suites.Suite, err error) {
	opt := d.Options(suites.Options{})
	switch {
	case f.json != nil:
		opt.TextOnly = true
		s, err = suites.FromJSON(f.Path, f.json, opt)
	case f.table != nil:
		s, err = suites.FromRows(f.Path, f.table.columns, f.table.rows, opt)
	default:
		err = fmt.Errorf("%s: found answers without their questions, expected the suite's file beside it", f.Path)
	}
	if err != nil {
		return nil, err
	}
	if d.Protocol != "" {
		s.Protocol = d.Protocol
	}
	return s, nil
}
