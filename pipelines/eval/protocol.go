package eval

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// Answerer is a model that can be asked. A prompt is the user's turn without any picture marker: the Answerer puts
// "<image>\n" before it when image is not nil, wraps it in its chat template without a system text, and opens the
// assistant's turn. All prompts of a call are about the same picture, so that its features and their place in the cache can be shared;
// answers must not depend on which prompts share a call.
type Answerer interface {
	// Answer returns, per prompt, the greedily decoded text with special tokens left out and surrounding space trimmed.
	// image is an encoded picture (PNG, JPEG, ..), nil for none.
	Answer(ctx context.Context, image []byte, prompts []string, opt AnswerOptions) ([]string, error)
	// Letters returns [prompts][letters]: the natural log-probability of each letter (a candidate answer, in general) being the
	// first token of the answer.
	Letters(ctx context.Context, image []byte, prompts []string, letters []string) ([][]float64, error)
}

// Question is a prompt and the encoded picture it is about, nil for none.
type Question struct {
	Picture []byte
	Prompt  string
}

// BatchAnswerer is an Answerer that is faster when it is asked about several pictures at once.
type BatchAnswerer interface {
	Answerer
	// AnswerAll is Answer for questions about different pictures.
	AnswerAll(ctx context.Context, questions []Question, opt AnswerOptions) ([]string, error)
}

// AnswerOptions bound an answer.
type AnswerOptions struct {
	MaxNewTokens int
	Beams        int  // above 1: beam search with so many, in place of greedy decoding
	Raw          bool // the prompt is all that the model reads: no chat template, no picture
}

// Protocol is how items become prompts and answers become letters. Two scores compare only under the same protocol.
type Protocol struct {
	Name         string
	MaxNewTokens int                           // of Answer; unused when Candidates is set
	Prompt       func(Item) string             // without picture marker and chat template
	Extract      func(Item, string) Extraction // reads an answer's text
	Beams        int                           // as in AnswerOptions
	Raw          bool                          // as in AnswerOptions
	Candidates   func(Item) []string           // set: Letters is asked for these in place of Answer, the best one is taken
}

// Names of the built-in protocols.
const (
	VLMEvalKit202406 = "vlmevalkit-2024.06" // LLaVA_XTuner prompts, 5 new tokens, greedy, can_infer, exact matching
	LetterLogit      = "letter-logit"       // English instruction, the option letter with the highest first-token logit
	LLMAdapters      = "llm-adapters"       // commonsense questions as LLM-Adapters asks them: raw prompt, 4 beams, 32 new tokens
)

// DefaultProtocol is what Run uses when Options name none.
const DefaultProtocol = VLMEvalKit202406

// ProtocolNames lists the built-in protocols, the default first.
func ProtocolNames() []string { return []string{VLMEvalKit202406, LetterLogit, LLMAdapters} }

// ProtocolNamed returns a built-in protocol; the empty name is the default.
func ProtocolNamed(name string) (Protocol, error) {
	switch name {
	case "", VLMEvalKit202406:
		return Protocol{Name: VLMEvalKit202406, MaxNewTokens: 5, Prompt: promptXTuner, Extract: extractText}, nil
	case LetterLogit:
		return Protocol{Name: LetterLogit, Prompt: promptEnglish, Candidates: candidates}, nil
	case LLMAdapters:
		return Protocol{Name: LLMAdapters, MaxNewTokens: 32, Beams: 4, Raw: true, Prompt: promptCommonsense, Extract: extractCommonsense}, nil
	}
	return Protocol{}, fmt.Errorf("found protocol %q, expected one of %s", name, strings.Join(ProtocolNames(), ", "))
}

func extractText(it Item, answer string) Extraction {
	if len(it.Choices) == 0 {
		return inferYesNo(answer)
	}
	return inferChoice(it, answer)
}

// candidates are the option letters, or Yes and No.
func candidates(it Item) []string {
	if len(it.Choices) == 0 {
		return []string{"Yes", "No"}
	}
	letters := make([]string, len(it.Choices))
	for i, c := range it.Choices {
		letters[i] = string(c.Letter)
	}
	return letters
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
	v.Extracted, v.Rule, v.Want = e.Answer, e.Rule, it.Answer
	v.Correct = it.Answer != "" && e.Answer == it.Answer
	return nil
}

// Rejudge reads the raw answers of verdicts again under another version of a protocol, without asking the model. Verdicts come
// back in the given order; one whose item is not among items is an error.
func Rejudge(p Protocol, items []Item, verdicts []Verdict) ([]Verdict, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	byID := make(map[int64]Item, len(items))
	for _, it := range items {
		byID[it.ID] = it
	}
	out := make([]Verdict, len(verdicts))
	for i, v := range verdicts {
		it, ok := byID[v.ID]
		if !ok {
			return nil, fmt.Errorf("verdict %d: no such item", v.ID)
		}
		v.Protocol = p.Name
		if err := p.judge(it, &v); err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}
