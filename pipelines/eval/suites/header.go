package suites

import (
	"fmt"
	"slices"
	"strings"

	"moslava/internal/spelling"
)

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

// nearMiss refuses a column that differs in case, blanks or one typing error from one that a suite needs and does not
// have: without a word, its answers or pictures would not be read.
func (r *suiteRows) nearMiss(c columns) error {
	for i, name := range r.table.names {
		flat := strings.ToLower(strings.TrimSpace(name))
		if len(flat) == 1 && flat >= "a" && flat <= "d" {
			flat = strings.ToUpper(flat)
		}
		for _, word := range []string{"index", "question", "answer", "image", "image_path"} {
			if spelling.Distance(flat, word) == 1 && (word != "image" || c.at("image_path") < 0) {
				flat = word
			}
		}
		switch flat {
		case "index", "question", "answer", "image", "image_path", "A", "B", "C", "D":
			if _, renamed := r.opt.Columns[flat]; c.at(flat) < 0 && !renamed && r.opt.renamed(name) == name {
				return r.table.errorf(1, i, "expected it to be called %q; if it is another thing, call it otherwise, "+
					"if not, rename it or say columns: {%s: %q} in a definition (.yaml)", flat, flat, name)
			}
		}
	}
	return nil
}

// knownColumn says whether a column means something to a suite of the kind.
func (r *suiteRows) knownColumn(c string) bool {
	if c == "index" || c == "answer" || c == "image" || c == "image_path" && r.cols.at("image") < 0 || slices.Contains(textColumns, c) || (len(c) == 1 && c[0] >= 'A' && c[0] <= 'Z') {
		return true
	}
	switch r.family {
	case MathVista:
		return slices.Contains([]string{"question_type", "answer_type", "choices", "answer_option", "task", "skills"}, c)
	case MME:
		return c == "image_path"
	case TextVQA:
		return c == "image_id" || c == "id"
	}
	return c == "id"
}
