package protocols

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// ownTokens bounds an answer to one of a person's own questions. A model that was trained on such answers ends them itself.
const ownTokens = 128

// DefaultTolerance is how far a number may be from the right one, in relation to it, under Number.
const DefaultTolerance = 0.05

// ownProtocols ask a question as it stands and give an answer the credit of the accepted one that it is nearest to.
func ownProtocols() map[string]Protocol {
	return map[string]Protocol{
		Exact:    own(trim, func(said, want string) float64 { return credit(trim(said) == trim(want)) }),
		CaseFold: own(fold, func(said, want string) float64 { return credit(fold(said) == fold(want)) }),
		Number:   ownNumber(DefaultTolerance),
		ANLS:     own(lowerWords, anls),
		F1:       own(squadNormal, squadF1),
	}
}

// own reads an answer by normal and grades it by what one accepted answer is worth.
func own(normal func(string) string, worth func(said, want string) float64) Protocol {
	return Protocol{MaxNewTokens: ownTokens, Show: showAll,
		Prompt: func(it suites.Item) string { return it.Question },
		Extract: func(_ suites.Item, said string) Extraction {
			for _, text := range []string{normal(said), trim(said)} {
				if text != "" {
					return Extraction{text, RuleAnswer}
				}
			}
			return Extraction{"", RuleUnresolved}
		},
		Grade: func(it suites.Item, _ Extraction, said string) float64 {
			best := worth(said, it.Answer)
			for _, want := range it.Answers {
				best = max(best, worth(said, want))
			}
			return best
		}}
}

// WithTolerance is the protocol Number with another tolerance, a share of the right number from 0 to 1.
func WithTolerance(tolerance float64) (string, error) {
	if !(tolerance >= 0 && tolerance <= 1) {
		return "", fmt.Errorf("found tolerance %v, expected a share of the right number from 0 to 1", tolerance)
	}
	if tolerance == DefaultTolerance {
		return Number, nil
	}
	return Number + "-" + strconv.FormatFloat(tolerance, 'f', -1, 64), nil
}

// tolerant is the protocol of a name that WithTolerance gives; ok says that it is meant to be one.
func tolerant(name string) (p Protocol, ok bool, err error) {
	text, ok := strings.CutPrefix(name, Number+"-")
	if !ok {
		return p, false, nil
	}
	tolerance, err := strconv.ParseFloat(text, 64)
	if err == nil {
		var same string
		if same, err = WithTolerance(tolerance); err == nil && same != name {
			err = fmt.Errorf("expected it to be called %s", same)
		}
	}
	if err != nil {
		return p, true, fmt.Errorf("found protocol %q, expected number, or number-0.1 for a tolerance of 0.1: %w", name, err)
	}
	p = ownNumber(tolerance)
	p.Name, p.Family = name, suites.Own
	return p, true, nil
}

func trim(s string) string { return strings.TrimFunc(s, pytext.IsSpace) }

// fold is s in small letters without white space around it and without a full stop at its end.
func fold(s string) string {
	s = trim(s)
	for _, stop := range []string{".", "。"} {
		if cut, ok := strings.CutSuffix(s, stop); ok {
			s = trim(cut)
			break
		}
	}
	return pytext.Lower(s)
}

// ownNumber is relaxed accuracy (ChartQA, arXiv 2203.10244, 5.1; google-research/pix2struct, pix2struct/metrics.py,
// relaxed_correctness): where both are numbers and the right one is not 0, they may differ by a share of the right one; a % sign divides
// by 100. Any other answer has to be the text, which is compared as fold has it, where the published rule compares small letters alone.
func ownNumber(tolerance float64) Protocol {
	return own(fold, func(said, want string) float64 {
		s, okS := relaxedFloat(said)
		w, okW := relaxedFloat(want)
		if okS && okW && w != 0 {
			return credit(math.Abs(s-w)/math.Abs(w) <= tolerance)
		}
		return credit(fold(said) == fold(want))
	})
}

// relaxedFloat is float() of Python, or a hundredth of it where % signs end the text.
func relaxedFloat(s string) (float64, bool) {
	if s = trim(s); strings.HasSuffix(s, "%") {
		f, ok := pytext.ParseFloat(strings.TrimRight(s, "%"))
		return f / 100, ok
	}
	return pytext.ParseFloat(s)
}

// anlsThreshold is the similarity below which an answer gets nothing.
const anlsThreshold = 0.5

// anls is the similarity of two texts under DocVQA's measure (arXiv 1907.00490; the scorer of the Robust Reading Competition as huggingface/evaluate
// has it, metrics/anls): 1 minus the edit distance of the texts in small letters with single blanks, over the length of the longer one as it
// was given; nothing below anlsThreshold.
func anls(said, want string) float64 {
	longer := max(len([]rune(said)), len([]rune(want)))
	if longer == 0 {
		return 1
	}
	similar := 1 - float64(editDistance([]rune(lowerWords(said)), []rune(lowerWords(want))))/float64(longer)
	if similar < anlsThreshold {
		return 0
	}
	return similar
}

// lowerWords are the words of a text in small letters, with a blank between them.
func lowerWords(s string) string {
	return strings.Join(strings.FieldsFunc(pytext.Lower(s), pytext.IsSpace), " ")
}

// editDistance is Levenshtein's: insertions, deletions and substitutions cost 1 each.
func editDistance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

var articles = regexp.MustCompile(`[\pL\pN_]+`)

// asciiMarks are string.punctuation of Python.
const asciiMarks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// squadNormal is normalize_answer of SQuAD's evaluate-v1.1.py (arXiv 1606.05250): small letters, no ASCII punctuation, no
// articles, single blanks.
func squadNormal(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(asciiMarks, r) {
			return -1
		}
		return r
	}, pytext.Lower(s))
	s = articles.ReplaceAllStringFunc(s, func(word string) string {
		if slices.Contains([]string{"a", "an", "the"}, word) {
			return " "
		}
		return word
	})
	return strings.Join(strings.FieldsFunc(s, pytext.IsSpace), " ")
}

// squadF1 is f1_score of evaluate-v1.1.py: the harmonic mean of precision and recall of words.
func squadF1(said, want string) float64 {
	a, b := strings.Fields(squadNormal(said)), strings.Fields(squadNormal(want))
	left := map[string]int{}
	for _, w := range b {
		left[w]++
	}
	same := 0
	for _, w := range a {
		if left[w] > 0 {
			left[w]--
			same++
		}
	}
	if same == 0 {
		return 0
	}
	precision, recall := float64(same)/float64(len(a)), float64(same)/float64(len(b))
	return 2 * precision * recall / (precision + recall)
}
