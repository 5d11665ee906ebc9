package protocols

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// failedCall and refusals are the fixed texts that VLMEvalKit looks for.
const failedCall = "Failed to obtain answer via API"

var refusals = []string{
	"Sorry, I can't help with images of people yet.",
	"I can't process this file.",
	"I'm sorry, but without the image provided",
	"Cannot determine the answer",
}

// choiceRules are what versions of VLMEvalKit's can_infer differ in.
type choiceRules struct {
	near    bool // the letter must be among the last four words, and an option's text only counts in an answer of at most twice all options' length
	verbose bool // before texts: "answer is", then A to D as the next character whatever follows, in either case (the bug of 2026)
}

// inferChoice is can_infer of VLMEvalKit vlmeval/utils/matching_util.py: letters first, then option texts. The zero
// rules are those of June 2024, near those of 2025-08-04 (#1175), near and verbose those of 2026-06-17 (#1552).
func (c choiceRules) inferChoice(it suites.Item, answer string) Extraction {
	if e := c.inferLetter(it, answer); e.Answer != "" {
		return e
	}
	lower := pytext.Lower(answer)
	if c.near {
		all := 0
		for _, o := range it.Choices {
			all += utf8.RuneCountInString(o.Text)
		}
		if utf8.RuneCountInString(lower) > 2*all {
			return Extraction{"", RuleUnresolved}
		}
	}
	return inferText(it, lower)
}

// inferText is can_infer_text: the only option whose text, in lower case, is a part of lower.
func inferText(it suites.Item, lower string) Extraction {
	found := ""
	for _, c := range it.Choices {
		if strings.Contains(lower, pytext.Lower(c.Text)) {
			found += string(c.Letter)
		}
	}
	if len(found) == 1 {
		return Extraction{found, RuleText}
	}
	return Extraction{"", RuleUnresolved}
}

var answerIs = regexp.MustCompile(`(?i)answer[\s\v\x1c-\x1f\x{85}\p{Z}]+is[\s\v\x1c-\x1f\x{85}\p{Z}]+\**([ABCD])`)

// inferLetter is can_infer_option.
func (c choiceRules) inferLetter(it suites.Item, answer string) Extraction {
	if strings.Contains(answer, failedCall) {
		return Extraction{}
	}
	for _, r := range refusals {
		if strings.Contains(answer, r) {
			return Extraction{"Z", RuleRefusal}
		}
	}
	words := strings.FieldsFunc(answer, func(r rune) bool {
		return strings.ContainsRune(".()[],:;!*#{}", r) || pytext.IsSpace(r)
	})
	found := ""
	for _, o := range it.Choices {
		if slices.Contains(words, string(o.Letter)) {
			found += string(o.Letter)
		}
	}
	switch {
	case len(found) == 1 && (!c.near || slices.Index(words, found) > len(words)-5):
		return Extraction{found, RuleLetter}
	case found == "" && slices.Contains(words, "Z"):
		return Extraction{"Z", RuleNone}
	}
	if c.verbose {
		if m := answerIs.FindStringSubmatch(answer); m != nil {
			if letter := strings.ToUpper(m[1]); it.HasOption(letter) {
				return Extraction{letter, RulePhrase}
			}
		}
	}
	return Extraction{}
}
