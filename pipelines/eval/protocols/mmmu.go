package protocols

import (
	"math"
	"slices"
	"strings"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// What follows is MMMU's own parser, mmmu/utils/eval_utils.py at commit bb0b95a9 (May 2025).

// mmmuChoice is parse_multi_choice_response without its random draw: "(A)", then " A ", then, in an answer of more than
// five words, an option's text; of several, the one that stands last, the first of equals. Where upstream draws,
// RuleRandom stands without an answer.
func mmmuChoice(it suites.Item, answer string) Extraction {
	return mmmuLetters(it, answer, [][2]string{{"(", ")"}, {" ", " "}})
}

// lmmsMMMU is lmms-eval's copy of it (lmms_eval/tasks/_task_utils/mmmu_mcq_utils.py), which takes "A " and then "A."
// for a letter, too.
func lmmsMMMU(it suites.Item, answer string) Extraction {
	return mmmuLetters(it, answer, [][2]string{{"(", ")"}, {"", " "}, {"", "."}})
}

func mmmuLetters(it suites.Item, answer string, around [][2]string) Extraction {
	for _, c := range []string{",", ".", "!", "?", ";", ":", "'"} {
		answer = strings.Trim(answer, c)
	}
	text := " " + answer + " "
	for i, a := range around {
		// With several found by anything but brackets, places are those of " A " (rfind), -1 when there is none.
		best, at, found := "", math.MinInt, 0
		for _, c := range it.Choices {
			l := string(c.Letter)
			if !strings.Contains(text, a[0]+l+a[1]) {
				continue
			}
			found++
			where := strings.LastIndex(text, " "+l+" ")
			if i == 0 {
				where = strings.LastIndex(text, "("+l+")")
			}
			if where > at {
				best, at = l, where
			}
		}
		if found > 0 {
			return Extraction{best, RuleLetter}
		}
	}
	if len(strings.FieldsFunc(text, pytext.IsSpace)) > 5 {
		lower := pytext.Lower(text)
		best, at := "", -1
		for _, c := range it.Choices {
			if k := strings.LastIndex(lower, pytext.Lower(c.Text)); k > at {
				best, at = string(c.Letter), k
			}
		}
		if best != "" {
			return Extraction{best, RuleText}
		}
	}
	return Extraction{"", RuleRandom}
}

// mmmuExtract reads both kinds of MMMU's questions.
func mmmuExtract(it suites.Item, answer string) Extraction {
	if it.Form == suites.Given {
		return Extraction{answer, RuleGiven}
	}
	if it.IsOpen() {
		return Extraction{describe(mmmuOpen(answer)), RuleAnswer}
	}
	return mmmuChoice(it, answer)
}

// describe writes values down for a verdict.
func describe(vs []value) string {
	texts := make([]string, len(vs))
	for i, v := range vs {
		if texts[i] = v.text; !v.isText {
			texts[i] = pytext.Repr(v.number)
		}
	}
	return strings.Join(texts, " | ")
}

// gradeMMMU is MMMU's evaluate.
func gradeMMMU(it suites.Item, e Extraction, answer string) float64 {
	if it.IsOpen() && it.Form != suites.Given {
		return credit(mmmuOpenRight(accepted(it), mmmuOpen(answer)))
	}
	return credit(slices.Contains(accepted(it), e.Answer))
}

// accepted are all answers that count.
func accepted(it suites.Item) []string {
	if len(it.Answers) > 0 {
		return it.Answers
	}
	return []string{it.Answer}
}
