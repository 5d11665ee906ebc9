package protocols

import (
	"fmt"
	"strings"

	"moslava/pipelines/eval/suites"
)

// ImageMarker stands in a prompt where a picture goes.
const ImageMarker = "<image>"

// Protocol is how items become prompts and answers become letters. Two scores compare only under the same protocol.
type Protocol struct {
	Name         string
	Family       suites.Family                        // the benchmark it is for; protocols of one name differ in the rest
	MaxNewTokens int                                  // of Answer; unused when Candidates is set
	Prompt       func(suites.Item) string             // without chat template, and without markers of pictures unless its text places them
	Extract      func(suites.Item, string) Extraction // reads an answer's text
	// Show says which of an item's pictures are shown, counted from 0. Not set: the one there is, and several are an error.
	Show       func(suites.Item) ([]int, error)
	Apart      string                     // what stands between the markers of several pictures before the prompt; empty: a line end
	Beams      int                        // as in eval.AnswerOptions
	Raw        bool                       // as in eval.AnswerOptions
	Candidates func(suites.Item) []string // set: Letters is asked for these in place of Answer, the best one is taken
	// Grade gives an answer its credit, 0 to 1; all of it makes it right. Not set: Extracted has to equal the item's answer.
	Grade func(it suites.Item, e Extraction, answer string) float64
	// Seed is that of the random draws that upstream makes where its rules find no option (RuleRandom), in the order of
	// the file; 0: such answers are wrong, because upstream's draw cannot be repeated.
	Seed uint32
	// Judged says that upstream has a judge model read what no rule reads; without one, such answers are wrong.
	Judged bool
}

// candidates are the option letters, or Yes and No.
func candidates(it suites.Item) []string {
	if len(it.Choices) == 0 {
		return []string{"Yes", "No"}
	}
	return it.Letters()
}

// Check says what a protocol lacks to be asked under.
func (p Protocol) Check() error {
	if p.Name == "" || p.Prompt == nil || (p.Extract == nil && p.Candidates == nil) {
		return fmt.Errorf("protocol %q: expected a name, Prompt, and Extract or Candidates", p.Name)
	}
	if p.Candidates == nil && p.MaxNewTokens < 1 {
		return fmt.Errorf("protocol %s: found %d new tokens, expected 1 or more", p.Name, p.MaxNewTokens)
	}
	return nil
}

// Ask is an item as it is asked: the prompt, and the keys of the pictures that are shown.
func (p Protocol) Ask(it suites.Item) (prompt string, pictures []string, err error) {
	all := it.Pictures()
	switch {
	case p.Show != nil:
		places, err := p.Show(it)
		if err != nil {
			return "", nil, fmt.Errorf("item %s: protocol %s: %w", it.NameOrID(), p.Name, err)
		}
		for _, k := range places {
			pictures = append(pictures, all[k])
		}
	case len(all) > 1:
		return "", nil, fmt.Errorf("item %s: found %d pictures, protocol %s knows questions about one", it.NameOrID(), len(all), p.Name)
	default:
		pictures = all
	}
	prompt = p.Prompt(it)
	before := 0
	for _, said := range it.Before {
		before += strings.Count(said.Text, ImageMarker)
	}
	if len(pictures) > 1 && before == 0 && !strings.Contains(prompt, ImageMarker) {
		apart := p.Apart
		if apart == "" {
			apart = "\n"
		}
		prompt = strings.Repeat(ImageMarker+apart, len(pictures)-1) + ImageMarker + "\n" + prompt
	}
	if n := before + strings.Count(prompt, ImageMarker); n > 0 && n != len(pictures) && !p.Raw {
		return "", nil, fmt.Errorf("item %s: protocol %s: found %d %s in the question's text and %d pictures, expected as many; "+
			"vlmevalkit-* take the word out of texts", it.NameOrID(), p.Name, n, ImageMarker, len(pictures))
	}
	return prompt, pictures, nil
}

func credit(right bool) float64 {
	if right {
		return 1
	}
	return 0
}
