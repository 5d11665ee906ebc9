package predictions

import (
	"fmt"
	"strings"

	"moslava/pipelines/eval/suites"
)

// pictureIndex finds TextVQA's items by the picture's name and the question, as llava/eval/eval_textvqa.py of LLaVA
// does: the question_id of its answers is the picture, about which there may be several questions.
type pictureIndex map[[2]string][]suites.Item

func newPictureIndex(items []suites.Item) pictureIndex {
	index := pictureIndex{}
	for _, it := range items {
		if it.ImageID != "" {
			key := [2]string{it.ImageID, strings.ToLower(it.Question)}
			index[key] = append(index[key], it)
		}
	}
	return index
}

func (index pictureIndex) find(s *suites.Suite, a Answer) (suites.Item, error) {
	if len(index) == 0 {
		return suites.Item{}, fmt.Errorf("found an answer about picture %s, expected a suite that names its questions' pictures: TextVQA_0.5.1_val.json, or a table with column image_id", a.id)
	}
	question, err := questionOf(a.prompt)
	if err != nil {
		return suites.Item{}, err
	}
	switch found := index[[2]string{a.id, strings.ToLower(question)}]; len(found) {
	case 1:
		return found[0], nil
	case 0:
		return suites.Item{}, fmt.Errorf("found an answer about picture %s to the question %.80q, which suite %s does not have", a.id, question, s.Name)
	default:
		return suites.Item{}, fmt.Errorf("found an answer about picture %s to the question %.80q, which items %d and %d of suite %s both ask", a.id, question, found[0].ID, found[1].ID, s.Name)
	}
}

// questionOf is prompt_processor of eval_textvqa.py: the question in a prompt, which has OCR tokens before or after it,
// or none.
func questionOf(prompt string) (string, error) {
	lines := strings.Split(prompt, "\n")
	switch {
	case strings.HasPrefix(prompt, "OCR tokens: "):
		if _, rest, ok := strings.Cut(prompt, "Question: "); ok {
			if question, _, ok := strings.Cut(rest, " Short answer:"); ok {
				return question, nil
			}
		}
	case strings.Contains(prompt, "Reference OCR token: ") && len(lines) == 3:
		if strings.HasPrefix(prompt, "Reference OCR token:") {
			return lines[1], nil
		}
		return lines[0], nil
	case len(lines) == 2:
		return lines[0], nil
	}
	return "", fmt.Errorf("found prompt %.80q, expected LLaVA's of TextVQA: a question, OCR tokens or none, and the instruction, a line each", prompt)
}
