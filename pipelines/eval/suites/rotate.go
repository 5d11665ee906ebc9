package suites

import (
	"fmt"
	"strings"
)

// rotate returns pass k of a base item: option texts move left by k places, the first ones to the end, and the answer's
// letter with its text. id is the new row's ID. It mirrors VLMEvalKit vlmeval/tools.py CIRCULAR and LLaVA
// llava/eval/model_vqa_mmbench.py --all-rounds. An item without choices keeps everything but ID and Pass.
func rotate(it Item, k int, id int64) Item {
	n := len(it.Choices)
	out := it
	out.ID, out.Pass = id, it.Pass+k
	out.Choices = make([]Choice, n)
	for i, c := range it.Choices {
		from := it.Choices[((i+k)%n+n)%n]
		out.Choices[i] = Choice{Letter: c.Letter, Text: from.Text}
		if it.Answer == string(from.Letter) {
			out.Answer = string(c.Letter)
		}
	}
	return out
}

// rotatable says whether a question may be rotated; if not, the error tells why. As in VLMEvalKit's CIRCULAR, an item
// stays as it is when an option's text is itself made of letters from the alphabet in order ("A", "BC"), when an option
// names two or more option letters as words ("both A and B"), when letters are not A, B, C.. without a gap, or when the
// answer is no option.
func rotatable(it Item) error {
	if len(it.Choices) < 2 {
		return fmt.Errorf("found %d options, expected two or more", len(it.Choices))
	}
	known := it.Answer == ""
	for i, c := range it.Choices {
		if c.Letter != alphabet[i] {
			return fmt.Errorf("found option %c in place %d, expected %c", c.Letter, i+1, alphabet[i])
		}
		known = known || it.Answer == string(c.Letter)
	}
	if !known {
		return fmt.Errorf("answer %q is no option", it.Answer)
	}
	for _, c := range it.Choices {
		if strings.Contains(alphabet, c.Text) {
			return fmt.Errorf("the text %q of option %c reads as an option letter", c.Text, c.Letter)
		}
		if n := lettersNamed(c.Text, it.Choices); n > 1 {
			return fmt.Errorf("option %c names %d option letters", c.Letter, n)
		}
	}
	return nil
}

// lettersNamed counts the different option letters that stand as words of their own in text.
func lettersNamed(text string, choices []Choice) int {
	words := strings.FieldsFunc(text, func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') })
	n := 0
	for _, c := range choices {
		for _, w := range words {
			if w == string(c.Letter) {
				n++
				break
			}
		}
	}
	return n
}
