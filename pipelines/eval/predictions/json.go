package predictions

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"moslava/pipelines/eval/suites"
)

// Keys under which programs keep an item's number or name, and a model's answer, in the order in which they are looked for.
var (
	idKeys     = []string{"index", "id", "question_id", "ID"}
	answerKeys = []string{"prediction", "raw", "text", "response", "output_pred", "answer"}
)

// readJSONL reads one object a line: verdicts of this program (id, raw), lines that score wrote (id, answer), LLaVA's
// answers (question_id, text, and round_id for the passes of a circular question; TextVQA's also go by their prompt).
func readJSONL(path string) (*File, error) {
	b, err := suites.ReadWhole(path)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path}
	for i, line := range bytes.Split(b, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		a := Answer{at: fmt.Sprintf("%s:%d", path, i+1)}
		if err := a.object(line, i); err != nil {
			return nil, fmt.Errorf("%s: %w", a.at, err)
		}
		f.Answers = append(f.Answers, a)
	}
	return f, nil
}

// readJSON reads MMMU's output.json (a list with response), its parsed answers (names and answers), LLM-Adapters'
// outputs (a list with output_pred) and other lists of objects, VLMEvalKit's .json among them.
func readJSON(path string) (*File, error) {
	b, err := suites.ReadWhole(path)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path}
	if trimmed := bytes.TrimLeft(b, " \t\r\n"); bytes.HasPrefix(trimmed, []byte("{")) {
		names, texts, err := suites.OrderedTexts(b)
		if err != nil {
			return nil, fmt.Errorf("%s: found no dictionary of answers: %w", path, err)
		}
		for i, n := range names {
			a := Answer{Text: texts[i], at: fmt.Sprintf("%s: key %q", path, n)}
			if err := a.identify(n); err != nil {
				return nil, fmt.Errorf("%s: %w", a.at, err)
			}
			f.Answers = append(f.Answers, a)
		}
		return f, nil
	}
	var objects []json.RawMessage
	if err := json.Unmarshal(b, &objects); err != nil {
		return nil, fmt.Errorf("%s: found neither a list nor a dictionary of answers: %w", path, err)
	}
	for i, o := range objects {
		a := Answer{at: fmt.Sprintf("%s: record %d", path, i+1)}
		if err := a.object(o, i); err != nil {
			return nil, fmt.Errorf("%s: %w", a.at, err)
		}
		f.Answers = append(f.Answers, a)
	}
	return f, f.questions(b, objects)
}

// questions keeps what the objects say beside the answers.
func (f *File) questions(b []byte, objects []json.RawMessage) error {
	if len(objects) == 0 {
		return nil
	}
	var first map[string]json.RawMessage
	if err := json.Unmarshal(objects[0], &first); err != nil {
		return fmt.Errorf("%s: record 1: %w", f.Path, err)
	}
	_, mmmu := first["question_type"]
	_, adapters := first["instruction"]
	_, table := first["question"]
	if _, choices := first["choices"]; mmmu && !choices || adapters { // MathVista's rows have question_type, too, and choices
		f.json = b
		return nil
	}
	if !table {
		return nil
	}
	f.table = &sheet{}
	for i, o := range objects {
		var cells map[string]json.RawMessage
		if err := json.Unmarshal(o, &cells); err != nil {
			return fmt.Errorf("%s: record %d: %w", f.Path, i+1, err)
		}
		if i == 0 {
			for k := range cells {
				if k != answerColumn {
					f.table.columns = append(f.table.columns, k)
				}
			}
			slices.Sort(f.table.columns)
		}
		row := make([]string, len(f.table.columns))
		for k, c := range f.table.columns {
			row[k] = plain(cells[c])
		}
		f.table.rows = append(f.table.rows, row)
	}
	return nil
}

// plain is a JSON value as a table's cell: a text without its quotes, null as nothing, the rest as it is written.
func plain(v json.RawMessage) string {
	var s string
	switch {
	case len(v) == 0 || string(v) == "null":
		return ""
	case json.Unmarshal(v, &s) == nil:
		return s
	}
	return string(v)
}

// object reads one answer of a JSON object; place counts objects from 0, for forms without numbers.
func (a *Answer) object(b []byte, place int) error {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(b, &o); err != nil {
		return fmt.Errorf("found no JSON object: %w", err)
	}
	key := func(names []string) string {
		for _, n := range names {
			if _, ok := o[n]; ok {
				return n
			}
		}
		return ""
	}
	said := key(answerKeys)
	if said == "" || said == "answer" && o["extracted"] == nil {
		return fmt.Errorf("found no answer, expected one of the keys %s", strings.Join(answerKeys, ", "))
	}
	if a.Text = plain(o[said]); said == answerColumn && a.Text == "" {
		a.Text = missing
	}
	id := key(idKeys)
	if id == "" && said == "output_pred" {
		a.ID = int64(place)
		return nil
	}
	if id == "" {
		return fmt.Errorf("found no item, expected one of the keys %s", strings.Join(idKeys, ", "))
	}
	if err := a.identify(plain(o[id])); err != nil {
		return err
	}
	if p, ok := o["prompt"]; ok && id == "question_id" {
		a.prompt = plain(p)
	}
	var round int64
	if r, ok := o["round_id"]; ok {
		if err := json.Unmarshal(r, &round); err != nil || round < 0 || round > 25 || a.Name != "" {
			return fmt.Errorf("found round_id %.40s, expected a pass from 0 to 25 of a numbered item", r)
		}
		a.ID += round * suites.PassDistance
	}
	return nil
}
