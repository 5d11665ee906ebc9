package suites

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// CommonsenseSets are those of LLM-Adapters (commonsense_evaluate.py): BoolQ, PIQA, SIQA, HellaSwag, WinoGrande, ARC
// easy and challenge, OpenBookQA. What may be an answer tells them apart.
var CommonsenseSets = []CommonsenseSet{
	{[]string{"boolq"}, regexp.MustCompile(`true|false`)},
	{[]string{"piqa"}, regexp.MustCompile(`solution1|solution2`)},
	{[]string{"social_i_qa", "ARC-Challenge", "ARC-Easy", "openbookqa"}, regexp.MustCompile(`answer1|answer2|answer3|answer4|answer5`)},
	{[]string{"hellaswag"}, regexp.MustCompile(`ending1|ending2|ending3|ending4`)},
	{[]string{"winogrande"}, regexp.MustCompile(`option1|option2`)},
}

type CommonsenseSet struct {
	Names   []string
	Answers *regexp.Regexp
}

// Has says whether a word is one of the answers.
func (s CommonsenseSet) Has(word string) bool {
	return word != "" && s.Answers.FindString(word) == word
}

// commonsenseRow is a question in LLM-Adapters' form. Outputs of its script have the model's text beside it.
type commonsenseRow struct {
	Instruction *string `json:"instruction"`
	Input       string  `json:"input"`
	Output      string  `json:"output"`
	Answer      *string `json:"answer"`
}

// commonsenseProtocol is the one that the form of these files implies.
const commonsenseProtocol = "llm-adapters"

// readCommonsense makes a suite of a file's content.
func readCommonsense(path string, raw []byte, opt Options) (*Suite, error) {
	var rows []commonsenseRow
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("%s: expected an array of questions: %w", path, err)
	}
	set := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if set == "test" {
		set = filepath.Base(filepath.Dir(path))
	}
	items := make([]Item, len(rows))
	for i, r := range rows {
		var err error
		if items[i], err = r.item(i, set); err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", path, i, err)
		}
	}
	name := opt.Name
	if name == "" {
		name = set
	}
	s, err := New(name, Vanilla, items, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.Family, s.Protocol = Commonsense, commonsenseProtocol
	return s, nil
}

// item is the row's question; i counts rows from 0.
func (r commonsenseRow) item(i int, set string) (Item, error) {
	switch {
	case r.Instruction == nil || r.Answer == nil:
		return Item{}, fmt.Errorf("found no instruction or no answer, expected both")
	case r.Input != "":
		return Item{}, fmt.Errorf("found input %.60q, expected none: the form with an input is not implemented", r.Input)
	}
	it := Item{ID: int64(i), Group: int64(i), Category: set, Question: *r.Instruction}
	var err error
	if it.Choices, err = offered(*r.Instruction); err != nil {
		return it, err
	}
	for _, c := range it.Choices {
		if c.Text == *r.Answer {
			it.Answer = string(c.Letter)
		}
	}
	if it.Answer == "" {
		return it, fmt.Errorf("found answer %.60q, expected one that the instruction offers", *r.Answer)
	}
	return it, nil
}

// offered are the answers that an instruction ends with.
func offered(instruction string) ([]Choice, error) {
	at := strings.LastIndex(instruction, "Answer format:")
	if at < 0 {
		return nil, fmt.Errorf("found no \"Answer format:\" in the instruction %.60q", instruction)
	}
	words := strings.Split(strings.TrimSpace(instruction[at+len("Answer format:"):]), "/")
	var out []Choice
	for i, w := range words {
		known := slices.ContainsFunc(CommonsenseSets, func(s CommonsenseSet) bool { return s.Has(w) })
		if !known || i >= len(alphabet) {
			return nil, fmt.Errorf("found answer format %.60q, expected words such as true/false, solution1/solution2 or answer1/answer2/answer3", w)
		}
		out = append(out, Choice{Letter: alphabet[i], Text: w})
	}
	return out, nil
}
