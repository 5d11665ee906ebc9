package suites

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// mmmuRecord is a question in MMMU's JSON forms. Fields that a form does not have are empty.
type mmmuRecord struct {
	ID           string            `json:"id"`
	QuestionType string            `json:"question_type"`
	AllChoices   []string          `json:"all_choices"`
	Index2Ans    map[string]string `json:"index2ans"`
	GroundTruth  json.RawMessage   `json:"ground_truth"` // answer_dict_val.json
	Question     string            `json:"question"`
	Answer       json.RawMessage   `json:"answer"`
}

// fromRecords makes a suite of MMMU's records; errors number them from 1.
func fromRecords(file string, records []mmmuRecord, opt Options) (*Suite, error) {
	items := make([]Item, len(records))
	for i, r := range records {
		var err error
		if items[i], err = r.mmmu(); err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", file, i+1, err)
		}
		items[i].ID, items[i].Group = int64(i+1), int64(i+1)
	}
	s, err := New(opt.Name, Mixed, items, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.Family = MMMU
	return s, nil
}

// mmmu is an item of MMMU's forms. Subject and discipline are in its name, validation_Subject_N.
func (r mmmuRecord) mmmu() (Item, error) {
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

// MMMUDisciplines are MMMU's six disciplines with their subjects (DOMAIN_CAT2SUB_CAT).
var MMMUDisciplines = []struct {
	Name     string
	Subjects []string
}{
	{"Art and Design", []string{"Art", "Art_Theory", "Design", "Music"}},
	{"Business", []string{"Accounting", "Economics", "Finance", "Manage", "Marketing"}},
	{"Science", []string{"Biology", "Chemistry", "Geography", "Math", "Physics"}},
	{"Health and Medicine", []string{"Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine", "Pharmacy", "Public_Health"}},
	{"Humanities and Social Science", []string{"History", "Literature", "Sociology", "Psychology"}},
	{"Tech and Engineering", []string{"Agriculture", "Architecture_and_Engineering", "Computer_Science", "Electronics", "Energy_and_Power", "Materials", "Mechanical_Engineering"}},
}

// mmmuDiscipline is the discipline of a subject, empty if there is none.
func mmmuDiscipline(subject string) string {
	for _, d := range MMMUDisciplines {
		if slices.Contains(d.Subjects, subject) {
			return d.Name
		}
	}
	return ""
}
