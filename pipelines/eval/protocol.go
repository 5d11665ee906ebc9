package eval

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// ImageMarker stands in a prompt where a picture goes.
const ImageMarker = "<image>"

// Answerer is a model that can be asked. Answers must not depend on which questions share a call.
type Answerer interface {
	// TakesPictures is nil, or an error that says why it takes none.
	TakesPictures() error
	// Answer returns, per question, the decoded text with special tokens left out and surrounding space trimmed.
	Answer(ctx context.Context, questions []Question, opt AnswerOptions) ([]string, error)
	// Letters returns [questions][letters]: the natural log-probability of each letter (a candidate answer, in general) being the
	// first token of the answer.
	Letters(ctx context.Context, questions []Question, letters []string) ([][]float64, error)
}

// Question is a prompt and the pictures it is about, encoded (PNG, JPEG, ..) and in the order of their markers. The prompt is the
// user's turn. Where it has no ImageMarker, the Answerer puts one and a line end before it for each picture; else it must have one
// for each. The Answerer wraps it in its chat template without a system text, and opens the assistant's turn.
type Question struct {
	Pictures [][]byte
	Prompt   string
}

// QuestionError is an Answerer's error about one question of a call.
type QuestionError struct {
	Index int // of the question
	Err   error
}

func (e *QuestionError) Error() string { return e.Err.Error() }
func (e *QuestionError) Unwrap() error { return e.Err }

// AnswerOptions bound an answer.
type AnswerOptions struct {
	MaxNewTokens int
	Beams        int  // above 1: beam search with so many, in place of greedy decoding
	Raw          bool // the prompt is all that the model reads: no chat template, no picture
}

// Protocol is how items become prompts and answers become letters. Two scores compare only under the same protocol.
type Protocol struct {
	Name         string
	Family       Family                        // the benchmark it is for; protocols of one name differ in the rest
	MaxNewTokens int                           // of Answer; unused when Candidates is set
	Prompt       func(Item) string             // without chat template, and without markers of pictures unless its text places them
	Extract      func(Item, string) Extraction // reads an answer's text
	// Show says which of an item's pictures are shown, counted from 0. Not set: the one there is, and several are an error.
	Show       func(Item) ([]int, error)
	Apart      string              // what stands between the markers of several pictures before the prompt; empty: a line end
	Beams      int                 // as in AnswerOptions
	Raw        bool                // as in AnswerOptions
	Candidates func(Item) []string // set: Letters is asked for these in place of Answer, the best one is taken
	// Grade gives an answer its credit, 0 to 1; all of it makes it right. Not set: Extracted has to equal the item's answer.
	Grade func(it Item, e Extraction, answer string) float64
	// Draw seeds the random draws that upstream makes where its rules find no option (RuleRandom), in the order of the file; 0: such
	// answers are wrong, because upstream's draw cannot be repeated.
	Draw uint32
	// Judged says that upstream has a judge model read what no rule reads; without one, such answers are wrong.
	Judged bool
}

// candidates are the option letters, or Yes and No.
func candidates(it Item) []string {
	if len(it.Choices) == 0 {
		return []string{"Yes", "No"}
	}
	return it.letters()
}

func (p Protocol) check() error {
	if p.Name == "" || p.Prompt == nil || (p.Extract == nil && p.Candidates == nil) {
		return fmt.Errorf("protocol %q: expected a name, Prompt, and Extract or Candidates", p.Name)
	}
	if p.Candidates == nil && p.MaxNewTokens < 1 {
		return fmt.Errorf("protocol %s: found %d new tokens, expected 1 or more", p.Name, p.MaxNewTokens)
	}
	return nil
}

// ask is an item as it is asked: the prompt, and the keys of the pictures that are shown.
func (p Protocol) ask(it Item) (prompt string, pictures []string, err error) {
	all := it.Pictures()
	switch {
	case p.Show != nil:
		places, err := p.Show(it)
		if err != nil {
			return "", nil, fmt.Errorf("item %s: protocol %s: %w", itemName(it), p.Name, err)
		}
		for _, k := range places {
			pictures = append(pictures, all[k])
		}
	case len(all) > 1:
		return "", nil, fmt.Errorf("item %s: found %d pictures, protocol %s knows questions about one", itemName(it), len(all), p.Name)
	default:
		pictures = all
	}
	prompt = p.Prompt(it)
	if len(pictures) > 1 && !strings.Contains(prompt, ImageMarker) {
		apart := p.Apart
		if apart == "" {
			apart = "\n"
		}
		prompt = strings.Repeat(ImageMarker+apart, len(pictures)-1) + ImageMarker + "\n" + prompt
	}
	if n := strings.Count(prompt, ImageMarker); n > 0 && n != len(pictures) && !p.Raw {
		return "", nil, fmt.Errorf("item %s: protocol %s: found %d %s in the question's text and %d pictures, expected as many; "+
			"vlmevalkit-* take the word out of texts", itemName(it), p.Name, n, ImageMarker, len(pictures))
	}
	return prompt, pictures, nil
}

// judge fills in what follows from the raw answer: Extracted, Rule, Want and Correct.
func (p Protocol) judge(it Item, v *Verdict) error {
	var e Extraction
	if p.Candidates == nil {
		e = p.Extract(it, v.Raw)
	} else {
		best := math.Inf(-1)
		for _, c := range p.Candidates(it) { // the first of equals wins, as Python's max has it
			lp, ok := v.LogProbs[c]
			if !ok || math.IsNaN(lp) || math.IsInf(lp, 0) {
				return fmt.Errorf("item %d: found no finite log-probability of %q, protocol %s needs one", it.ID, c, p.Name)
			}
			if lp > best {
				best, e = lp, Extraction{c, RuleLogit}
			}
		}
	}
	p.settle(it, v, e)
	return nil
}

// settle writes an extraction into a verdict.
func (p Protocol) settle(it Item, v *Verdict, e Extraction) {
	v.Extracted, v.Rule, v.Want, v.Credit = e.Answer, e.Rule, it.Answer, 0
	v.Correct = it.Answer != "" && e.Answer == it.Answer
	if p.Grade != nil && it.Answer != "" && (e.Rule != RuleUnresolved || e.Answer != "") {
		v.Credit = p.Grade(it, e, v.Raw)
		v.Correct = v.Credit >= 1
	}
}

// Rejudge reads the raw answers of verdicts again under another version of a protocol, without asking the model. Verdicts come
// back in the given order, which is that of random draws; one whose item is not among items is an error.
func Rejudge(p Protocol, items []Item, verdicts []Verdict) ([]Verdict, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	byID := itemsByID(items)
	out, order := make([]Verdict, len(verdicts)), make([]Item, len(verdicts))
	for i, v := range verdicts {
		it, ok := byID[v.ID]
		if !ok {
			return nil, fmt.Errorf("verdict %d: no such item", v.ID)
		}
		v.Protocol = p.Name
		if err := p.judge(it, &v); err != nil {
			return nil, err
		}
		out[i], order[i] = v, it
	}
	p.draw(order, out)
	return out, nil
}

// Rescore is the score of answers that are there already: verdicts as Rejudge has them, in the suite's items. Items without one
// are left out of the score, with all other passes of their question if the first pass is missing, as VLMEvalKit does.
func Rescore(s *Suite, p Protocol, verdicts []Verdict) (*Result, error) {
	have := make(map[int64]bool, len(verdicts))
	for _, v := range verdicts {
		have[v.ID] = true
	}
	first := map[int64]bool{}
	for _, it := range s.Items {
		if have[it.ID] && (it.Pass == 0 || s.Kind != Circular) {
			first[it.Group] = true
		}
	}
	var items []Item
	missing, headless := 0, 0
	kept := map[int64]bool{}
	for _, it := range s.Items {
		switch {
		case !have[it.ID]:
			missing++
		case !first[it.Group]:
			headless++
		default:
			items, kept[it.ID] = append(items, it), true
		}
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("suite %s: found no answer to any of its %d rows", s.Name, len(s.Items))
	}
	var counted []Verdict
	for _, v := range verdicts {
		if kept[v.ID] {
			counted = append(counted, v)
		}
	}
	res, err := Score(items, counted)
	if err != nil {
		return nil, err
	}
	if err := res.finish(s, items); err != nil {
		return nil, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	res.Protocol = p.Name
	if missing > 0 {
		res.Notes = append(res.Notes, fmt.Sprintf("%d of %d rows have no answer: they are left out, so that other passes decide their questions alone", missing, len(s.Items)))
	}
	if headless > 0 {
		res.Notes = append(res.Notes, fmt.Sprintf("%d answers are to passes of questions whose first pass has no answer: they are left out, too", headless))
	}
	return res, nil
}
