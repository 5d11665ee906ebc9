package suites

import (
	"strings"

	"moslava/internal/pytext"
)

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
		if answer != "" && !it.HasOption(answer) {
			return r.table.errorf(line, at, "row %s: found answer %.40q, expected one of the options %s", it.Index, answer, strings.Join(it.Letters(), ""))
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
