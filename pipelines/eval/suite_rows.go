package eval

import (
	"slices"
	"strconv"
	"strings"

	"moslava/internal/pytext"
)

// question reads what the suite's kind has beside options and answer letters.
func (r *suiteRows) question(row []field, it *Item) error {
	switch r.early {
	case Open:
		it.Form = FreeText
		it.ImageID = r.text(row, "image_id")
		it.Answer = r.text(row, "answer")
		if list, ok := pytext.ParseList(it.Answer); ok { // the cell stays the answer, so that predictions carry what upstream reads
			it.Answers = list
		} else if it.Answer != "" {
			it.Answers = []string{it.Answer}
		}
		return nil
	case Mixed:
		if r.family == MathVista {
			return r.mathVista(row, it)
		}
		if len(it.Choices) == 0 {
			it.Form = Recast
			it.Answer = r.text(row, "answer")
			if list, ok := pytext.ParseList(it.Answer); ok && len(list) > 0 {
				it.Answers = list
			}
			return nil
		}
	case YesNoPairs:
		it.Pair = r.text(row, "image_path")
	}
	var err error
	it.Answer, err = r.answer(row, *it)
	return err
}

// mathVista reads MathVista's own columns.
func (r *suiteRows) mathVista(row []field, it *Item) error {
	cell := func(name string) (string, int, int) {
		at := r.cols.at(name)
		if at < 0 {
			return "", row[0].line, -1
		}
		return r.text(row, name), row[at].line, at
	}
	it.Category = r.text(row, "task")
	if skills, ok := pytext.ParseList(r.text(row, "skills")); ok {
		it.Topics = skills
	} else if s := r.text(row, "skills"); s != "" {
		it.Topics = []string{s}
	}
	kind, line, at := cell("question_type")
	switch kind {
	case "multi_choice":
		texts, line, at := cell("choices")
		list, ok := pytext.ParseList(texts)
		if !ok || len(list) < 2 || len(list) > len(alphabet) {
			return r.table.errorf(line, at, "row %s: found %.60q, expected a list of 2 to 26 options", it.Index, texts)
		}
		it.Choices = nil
		for i, text := range list {
			it.Choices = append(it.Choices, Choice{alphabet[i], text})
		}
		answer, line, at := cell("answer_option")
		if answer != "" && !it.has(answer) {
			return r.table.errorf(line, at, "row %s: found answer %.40q, expected one of the options %s", it.Index, answer, strings.Join(it.letters(), ""))
		}
		it.Answer = answer
		return nil
	case "free_form":
		it.Choices, it.Answer = nil, r.text(row, "answer")
		answerType, line, at := cell("answer_type")
		switch answerType {
		case "integer":
			it.Form = Integer
		case "float":
			it.Form = Float
		case "text", "list":
			it.Form = FreeText
		default:
			return r.table.errorf(line, at, "row %s: found %.40q, expected integer, float, text or list", it.Index, answerType)
		}
		return nil
	}
	return r.table.errorf(line, at, "row %s: found %.40q, expected multi_choice or free_form", it.Index, kind)
}

// SuiteFromRows makes a suite of rows that were read elsewhere, a sheet for example: columns and cells as ReadSuite has them. No
// picture is looked for. Lines in errors are rows, the header being row 1.
func SuiteFromRows(name string, header []string, rows [][]string, opt SuiteOptions) (*Suite, error) {
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

// renamed is our name of a column of the file.
func (o SuiteOptions) renamed(column string) string {
	for ours, theirs := range o.Columns {
		if theirs == column {
			return ours
		}
	}
	if _, taken := o.Columns[column]; taken {
		return "" // its name stands for another column
	}
	return column
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

// nameOf is the item's name when the file has one beside the number.
func (r *suiteRows) nameOf(row []field) string {
	name := r.text(row, "id")
	if _, err := strconv.ParseInt(name, 10, 64); err == nil {
		return ""
	}
	return name
}
