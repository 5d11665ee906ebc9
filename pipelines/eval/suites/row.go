package suites

import (
	"fmt"
	"strconv"
	"strings"

	"moslava/internal/pytext"
)

// add makes an item of a row. IDs, pictures and passes follow when all rows are known.
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

// question reads what the suite's kind has beside options and answer letters.
func (r *suiteRows) question(row []field, it *Item) error {
	switch r.early {
	case Open:
		it.Form = FreeText
		it.ImageID = r.text(row, "image_id")
		it.Answer = r.text(row, "answer")
		if list, ok := pytext.ParseList(it.Answer); ok { // the cell stays the answer, so that predictions carry what upstream reads
			it.Answers = list
			if r.family == Own && len(list) > 0 { // no other program reads the cell
				it.Answer = list[0]
			}
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

// nameOf is the item's name when the file has one beside the number.
func (r *suiteRows) nameOf(row []field) string {
	name := r.text(row, "id")
	if _, err := strconv.ParseInt(name, 10, 64); err == nil {
		return ""
	}
	return name
}

// answer checks the answer cell and brings it to its standard form.
func (r *suiteRows) answer(row []field, it Item) (string, error) {
	at := r.cols.at("answer")
	line, a := row[0].line, r.text(row, "answer")
	if at >= 0 {
		line = row[at].line
	}
	if r.yesNo() {
		switch strings.ToLower(strings.TrimSpace(a)) {
		case "":
			return "", nil
		case "yes":
			return "Yes", nil
		case "no":
			return "No", nil
		}
		return "", r.table.errorf(line, at, "found %.40q, expected yes or no", a)
	}
	letters := ""
	for _, c := range it.Choices {
		letters += string(c.Letter)
	}
	if len(letters) < 2 {
		return "", r.table.errorf(row[0].line, -1, "row %s: found options %q, expected two or more", it.Index, letters)
	}
	if strings.TrimSpace(a) == "" {
		return "", nil
	}
	letter, ok := letterOf(a, letters)
	if !ok {
		return "", r.table.errorf(line, at, "row %s: found answer %.40q%s, expected one of the options %s", it.Index, a, namedBy(it, a), letters)
	}
	return letter, nil
}

// letterOf is the option that an answer cell names: its letter, in either case, with blanks around it. VLMEvalKit
// compares the cell itself, under which a lower-case letter is never right.
func letterOf(cell, letters string) (string, bool) {
	l := strings.ToUpper(strings.TrimSpace(cell))
	return l, len(l) == 1 && strings.Contains(letters, l)
}

// namedBy says which option an answer that is no letter may mean, for a message.
func namedBy(it Item, answer string) string {
	for _, c := range it.Choices {
		if strings.EqualFold(strings.TrimSpace(c.Text), strings.TrimSpace(answer)) {
			return fmt.Sprintf(" (it is the text of option %c)", c.Letter)
		}
	}
	return ""
}
