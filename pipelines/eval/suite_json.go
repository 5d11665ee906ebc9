package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"moslava/internal/infile"
	"moslava/internal/pytext"
)

// maxJSONSuite bounds a suite or prediction file that is read as a whole.
const maxJSONSuite = 256 << 20

// record is a question in MMMU's JSON forms. Fields that a form does not have are empty.
type record struct {
	ID           string            `json:"id"`
	QuestionType string            `json:"question_type"`
	AllChoices   []string          `json:"all_choices"`
	Index2Ans    map[string]string `json:"index2ans"`
	GroundTruth  json.RawMessage   `json:"ground_truth"` // answer_dict_val.json
	Question     string            `json:"question"`
	Answer       json.RawMessage   `json:"answer"`
}

// openJSONSuite reads a suite from a JSON file: a list of LLM-Adapters' commonsense questions, or, for answers that are there, TextVQA's annotations, a list of
// MMMU's outputs or its answer dictionary, in which case answers are taken as they are.
func openJSONSuite(path string, opt SuiteOptions) (*Suite, error) {
	b, err := ReadWhole(path)
	if err != nil {
		return nil, err
	}
	return SuiteFromJSON(path, b, opt)
}

// SuiteFromJSON makes a suite of the content of a JSON file; see openJSONSuite. file stands for it in errors.
func SuiteFromJSON(file string, b []byte, opt SuiteOptions) (*Suite, error) {
	if opt.Name == "" {
		opt.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	var records []record
	var annotations struct{ Data json.RawMessage }
	if isObject(b) && json.Unmarshal(b, &annotations) == nil && annotations.Data != nil {
		return suiteFromTextVQA(file, annotations.Data, opt)
	}
	if isObject(b) {
		names, byName, err := ordered[record](b)
		if err != nil {
			return nil, fmt.Errorf("%s: found no dictionary of answers: %w", file, err)
		}
		for i, n := range names {
			byName[i].ID, byName[i].Answer = n, byName[i].GroundTruth
		}
		records = byName
	} else {
		var kinds []struct {
			QuestionType *string `json:"question_type"`
		}
		if err := json.Unmarshal(b, &kinds); err != nil || len(kinds) == 0 || kinds[0].QuestionType == nil {
			return readCommonsense(file, b, opt)
		}
		if err := json.Unmarshal(b, &records); err != nil {
			return nil, fmt.Errorf("%s: found no list of MMMU's outputs: %w", file, err)
		}
	}
	if !opt.TextOnly {
		return nil, fmt.Errorf("%s: found MMMU's outputs or answers, which have no questions: they can be scored, not asked", file)
	}
	return suiteFromRecords(file, records, opt)
}

func isObject(b []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) }

// ReadWhole reads a file of at most 256 MiB.
func ReadWhole(path string) ([]byte, error) {
	return infile.Read(path, maxJSONSuite)
}

// ordered reads an object's members in their order, which maps lose. A key that is there twice is an error.
func ordered[T any](b []byte) (names []string, values []T, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		name, ok := key.(string)
		if !ok || seen[name] {
			return nil, nil, fmt.Errorf("found key %v again or out of place", key)
		}
		seen[name] = true
		var v T
		if err := dec.Decode(&v); err != nil {
			return nil, nil, fmt.Errorf("key %q: %w", name, err)
		}
		names, values = append(names, name), append(values, v)
	}
	return names, values, nil
}

// OrderedTexts reads an object of texts, in its order.
func OrderedTexts(b []byte) (names, texts []string, err error) { return ordered[string](b) }

// suiteFromTextVQA makes a suite of TextVQA's annotations (the list data of TextVQA_0.5.1_val.json); errors number them from 1.
func suiteFromTextVQA(file string, data []byte, opt SuiteOptions) (*Suite, error) {
	var annotations []struct {
		ID       *int64   `json:"question_id"`
		Image    string   `json:"image_id"`
		Question string   `json:"question"`
		Answers  []string `json:"answers"`
	}
	if err := json.Unmarshal(data, &annotations); err != nil {
		return nil, fmt.Errorf("%s: data: found no list of TextVQA's annotations: %w", file, err)
	}
	if !opt.TextOnly {
		return nil, fmt.Errorf("%s: found TextVQA's annotations, which have no pictures: answers can be scored by them, not asked for", file)
	}
	items := make([]Item, len(annotations))
	for i, a := range annotations {
		if a.ID == nil || a.Image == "" {
			return nil, fmt.Errorf("%s: annotation %d: found no question_id or image_id, expected both", file, i+1)
		}
		items[i] = Item{ID: *a.ID, Group: *a.ID, Question: a.Question, ImageID: a.Image, Form: FreeText, Answers: a.Answers}
		if len(a.Answers) > 0 {
			items[i].Answer = pytext.List(a.Answers)
		}
	}
	s, err := NewSuite(opt.Name, Open, items, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.Family = TextVQA
	return s, nil
}

// suiteFromRecords makes a suite of MMMU's records; errors number them from 1.
func suiteFromRecords(file string, records []record, opt SuiteOptions) (*Suite, error) {
	items := make([]Item, len(records))
	for i, r := range records {
		var err error
		if items[i], err = r.mmmu(); err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", file, i+1, err)
		}
		items[i].ID, items[i].Group = int64(i+1), int64(i+1)
	}
	s, err := NewSuite(opt.Name, Mixed, items, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.Family = MMMU
	return s, nil
}

// mmmu is an item of MMMU's forms. Subject and discipline are in its name, validation_Subject_N.
func (r record) mmmu() (Item, error) {
	parts := strings.Split(r.ID, "_")
	if len(parts) < 3 {
		return Item{}, fmt.Errorf("found id %.60q, expected one like validation_Art_Theory_12", r.ID)
	}
	it := Item{Name: r.ID, Split: parts[0], Category: strings.Join(parts[1:len(parts)-1], "_"), Question: r.Question}
	it.L2 = mmmuDiscipline(it.Category)
	if it.Question == "" {
		it.Question = r.ID // outputs do not carry the question, and nobody is asked
	}
	if len(r.Answer) > 0 {
		if err := json.Unmarshal(r.Answer, &it.Answers); err != nil {
			if err := json.Unmarshal(r.Answer, &it.Answer); err != nil {
				return it, fmt.Errorf("id %s: found answer %.60s, expected a text or a list of texts", r.ID, r.Answer)
			}
		} else if len(it.Answers) > 0 {
			it.Answer = it.Answers[0]
		}
	}
	switch r.QuestionType {
	case "multiple-choice":
		if len(r.AllChoices) == 0 {
			it.Form = Given
			return it, nil
		}
		for _, l := range r.AllChoices {
			text, ok := r.Index2Ans[l]
			if len(l) != 1 || !ok {
				return it, fmt.Errorf("id %s: found choice %.20q without a text in index2ans, expected one", r.ID, l)
			}
			it.Choices = append(it.Choices, Choice{l[0], text})
		}
	case "short-answer", "open":
		it.Form = FreeText
	default:
		return it, fmt.Errorf("id %s: found question_type %.40q, expected multiple-choice, short-answer or open", r.ID, r.QuestionType)
	}
	return it, nil
}
