package suites

import (
	"encoding/json"
	"fmt"

	"moslava/internal/pytext"
)

// fromTextVQA makes a suite of TextVQA's annotations (the list data of TextVQA_0.5.1_val.json); errors number them from 1.
func fromTextVQA(file string, data []byte, opt Options) (*Suite, error) {
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
	s, err := New(opt.Name, Open, items, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.Family = TextVQA
	return s, nil
}
