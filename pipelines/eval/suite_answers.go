package eval

import (
	"fmt"
	"slices"
	"strings"

	"moslava/internal/spelling"
)

// yesNo says whether the suite is of that kind, which is known from the header and the options.
func (r *suiteRows) yesNo() bool {
	return r.opt.Kind == YesNo || r.early == YesNoPairs || (r.opt.Kind == "" && r.early == "" && len(r.cols.options) == 0)
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
		return "", r.table.errorf(line, at, "row %s: found answer %.40q%s, expected one of the options %s", it.Index, a, it.namedBy(a), letters)
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
func (it Item) namedBy(answer string) string {
	for _, c := range it.Choices {
		if strings.EqualFold(strings.TrimSpace(c.Text), strings.TrimSpace(answer)) {
			return fmt.Sprintf(" (it is the text of option %c)", c.Letter)
		}
	}
	return ""
}

// notes say what a reader of the scores should know of the rows.
func (r *suiteRows) notes() (notes []string) {
	if how := r.table.separated(); how != "" {
		notes = append(notes, "the table is separated by "+how+", as its header shows")
	}
	pictures := 0
	for _, it := range r.items {
		if it.ImageKey != "" {
			pictures++
		}
	}
	n := len(r.items)
	switch {
	case r.opt.TextOnly || pictures == n:
	case pictures == 0:
		notes = append(notes, "the table has no pictures: questions are asked from their text alone")
	default:
		notes = append(notes, fmt.Sprintf("%d of %d rows have no picture: they are asked from their text alone", n-pictures, n))
	}
	var unread []string
	for _, c := range r.table.names {
		if !r.knownColumn(r.opt.renamed(c)) {
			unread = append(unread, fmt.Sprintf("%q", c))
		}
	}
	if len(unread) == 1 {
		notes = append(notes, "column "+unread[0]+" is not read")
	} else if len(unread) > 1 {
		notes = append(notes, "columns "+strings.Join(unread, ", ")+" are not read")
	}
	return notes
}

// answerNotes say of how many questions the suite does not tell the answer.
func (s *Suite) answerNotes() []string {
	all := groups(s.Items)
	unlabelled := 0
	for _, g := range all {
		if slices.ContainsFunc(g, func(it Item) bool { return it.Answer == "" }) {
			unlabelled++
		}
	}
	switch unlabelled {
	case 0:
		return nil
	case len(all):
		return []string{noAnswers}
	}
	return []string{fmt.Sprintf("%d of %d questions have no answer in the suite: they are asked, and are in no score", unlabelled, len(all))}
}

// noAnswers is the note of a suite that can be asked and not scored.
const noAnswers = "the suite has no answers: predictions only, nothing is scored"

// nearMiss refuses a column that differs in case, blanks or one typing error from one that a suite needs and does not have:
// without a word, its answers or pictures would not be read.
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
