package protocols

import (
	"fmt"
	"slices"
	"strings"

	"moslava/pipelines/eval/suites"
)

// ExtractCommonsense is extract_answer: the first word that may be an answer of that set, case-sensitive, wherever it
// stands ("answer10" gives answer1); empty if there is none. A set that is not known is an error.
func ExtractCommonsense(set, answer string) (string, error) {
	var known []string
	for _, s := range suites.CommonsenseSets {
		if slices.Contains(s.Names, set) {
			return s.Answers.FindString(answer), nil
		}
		known = append(known, s.Names...)
	}
	return "", fmt.Errorf("found set %q, expected one of %s", set, strings.Join(known, ", "))
}

// responseMark is what upstream splits a text at: the answer is what follows the first one, up to the next.
const responseMark = "### Response:"

// promptCommonsense is generate_prompt of commonsense_evaluate.py, byte for byte: spaces at the ends of lines included.
func promptCommonsense(it suites.Item) string {
	return "Below is an instruction that describes a task. Write a response that appropriately completes the request. \n\n" +
		"                ### Instruction:\n                " + it.Question + "\n\n                " + responseMark + "\n                "
}

// extractCommonsense reads an answer's text; one that the question does not offer is no answer to it, and so wrong.
func extractCommonsense(it suites.Item, answer string) Extraction {
	answer, _, _ = strings.Cut(answer, responseMark)
	found := ""
	for _, s := range suites.CommonsenseSets {
		if len(it.Choices) > 0 && s.Has(it.Choices[0].Text) {
			found = s.Answers.FindString(strings.TrimSpace(answer))
		}
	}
	if found == "" {
		return Extraction{"", RuleUnresolved}
	}
	for _, c := range it.Choices {
		if c.Text == found {
			return Extraction{string(c.Letter), RuleWord}
		}
	}
	return Extraction{"Z", RuleNone}
}
