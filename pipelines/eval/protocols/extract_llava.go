package protocols

import (
	"regexp"
	"slices"
	"strings"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// What follows is of haotian-liu/LLaVA at commit c121f043 (May 2024), the evaluation scripts of LLaVA-1.5.

// llavaPOPE is llava/eval/eval_pope.py: the first sentence, without commas, cut at single spaces; No, not or no is no,
// everything else is yes.
func llavaPOPE(_ suites.Item, answer string) Extraction {
	first, _, _ := strings.Cut(answer, ".")
	words := strings.Split(strings.ReplaceAll(first, ",", ""), " ")
	for _, no := range []string{"No", "not", "no"} {
		if slices.Contains(words, no) {
			return Extraction{"No", RuleWord}
		}
	}
	return Extraction{"Yes", RuleWord}
}

var theAnswerIs = regexp.MustCompile(`The answer is ([A-Z])[^\n]`)

// llavaScienceQA is llava/eval/eval_science_qa.py: one of A to E alone, one before ". ", or the only match of "The
// answer is X" with a character after it. A letter that is no option is none.
func llavaScienceQA(it suites.Item, answer string) Extraction {
	e := Extraction{"", RuleUnresolved}
	switch {
	case len(answer) == 1 && strings.Contains("ABCDE", answer):
		e = Extraction{answer, RuleLetter}
	case len(answer) >= 3 && strings.IndexByte("ABCDE", answer[0]) >= 0 && answer[1:3] == ". ":
		e = Extraction{answer[:1], RuleStart}
	default:
		if m := theAnswerIs.FindAllStringSubmatch(answer, 2); len(m) == 1 {
			e = Extraction{m[0][1], RulePhrase}
		}
	}
	if !it.HasOption(e.Answer) || e.Answer > "E" {
		return Extraction{"", RuleUnresolved}
	}
	return e
}

// exactLetter is scripts/convert_seed_for_submission.py: the answer is the letter and nothing else.
func exactLetter(it suites.Item, answer string) Extraction {
	if it.HasOption(answer) {
		return Extraction{answer, RuleGiven}
	}
	return Extraction{"", RuleUnresolved}
}

// officialMME is parse_pred_ans of MME's calculation tool, which LLaVA uses: in lower case, yes or no in the first four
// characters.
func officialMME(_ suites.Item, answer string) Extraction {
	text := []rune(pytext.Lower(answer))
	if len(text) > 4 {
		text = text[:4]
	}
	switch {
	case strings.Contains(string(text), "yes"):
		return Extraction{"Yes", RuleStart}
	case strings.Contains(string(text), "no"):
		return Extraction{"No", RuleStart}
	}
	return Extraction{"", RuleUnresolved}
}
