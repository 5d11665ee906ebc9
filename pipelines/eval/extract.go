package eval

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Extraction is what a rule read out of an answer: a choice's letter, "Z" (the model refused or said none), "Yes", "No", or
// nothing, when the answer is unresolved. Rule names what fired.
type Extraction struct {
	Answer string
	Rule   string
}

// Names of extraction rules, as they stand in verdicts.
const (
	RuleLetter     = "letter"     // exactly one option letter stands as a word
	RuleText       = "text"       // exactly one option's text is part of the answer
	RuleRefusal    = "refusal"    // a known refusal sentence
	RuleNone       = "none"       // the word Z and no option letter
	RuleWord       = "word"       // yes without no, or no without yes
	RuleLogit      = "logit"      // the most probable candidate
	RuleUnresolved = "unresolved" // nothing fired: wrong
)

// failedCall and refusals are the fixed texts that VLMEvalKit looks for.
const failedCall = "Failed to obtain answer via API"

var refusals = []string{
	"Sorry, I can't help with images of people yet.",
	"I can't process this file.",
	"I'm sorry, but without the image provided",
	"Cannot determine the answer",
}

// inferChoice is can_infer of VLMEvalKit vlmeval/utils/matching_util.py (June 2024): letters first, then option texts.
func inferChoice(it Item, answer string) Extraction {
	if e := inferLetter(it, answer); e.Answer != "" {
		return e
	}
	lower := lowerPython(answer)
	found := ""
	for _, c := range it.Choices {
		if strings.Contains(lower, lowerPython(c.Text)) {
			found += string(c.Letter)
		}
	}
	if len(found) == 1 {
		return Extraction{found, RuleText}
	}
	return Extraction{"", RuleUnresolved}
}

// inferLetter is can_infer_option.
func inferLetter(it Item, answer string) Extraction {
	if strings.Contains(answer, failedCall) {
		return Extraction{}
	}
	for _, r := range refusals {
		if strings.Contains(answer, r) {
			return Extraction{"Z", RuleRefusal}
		}
	}
	words := strings.FieldsFunc(answer, func(r rune) bool {
		return strings.ContainsRune(".()[],:;!*#{}", r) || isSpacePython(r)
	})
	found := ""
	for _, c := range it.Choices {
		if slices.Contains(words, string(c.Letter)) {
			found += string(c.Letter)
		}
	}
	switch {
	case len(found) == 1:
		return Extraction{found, RuleLetter}
	case found == "" && slices.Contains(words, "Z"):
		return Extraction{"Z", RuleNone}
	}
	return Extraction{}
}

// isSpacePython is what str.split() splits at: Unicode white space and the four ASCII separators.
func isSpacePython(r rune) bool { return unicode.IsSpace(r) || (0x1c <= r && r <= 0x1f) }

// lowerPython is str.lower(): full Unicode lower-casing, final sigma included. A Caser holds state, so each call has its own.
func lowerPython(s string) string { return cases.Lower(language.Und).String(s) }

var commaInNumber = regexp.MustCompile(`\p{Nd},\p{Nd}`)

// yesNoMarks are what process_punctuation of VLMEvalKit vlmeval/smp/misc.py removes.
var yesNoMarks = []string{";", "/", "[", "]", `"`, "{", "}", "(", ")", "=", "+", `\`, "_", "-", ">", "<", "@", "`", ",", "?", "!"}

// inferYesNo is YOrN_Extraction of VLMEvalKit vlmeval/evaluate/yes_or_no.py: a mark goes when a space stands next to one of its
// kind anywhere, or when a number has a comma in it, else it becomes a space; then exactly one of the words yes and no decides.
func inferYesNo(answer string) Extraction {
	in := lowerPython(answer)
	out, number := in, commaInNumber.MatchString(in)
	for _, m := range yesNoMarks {
		with := " "
		if number || strings.Contains(in, m+" ") || strings.Contains(in, " "+m) {
			with = ""
		}
		out = strings.ReplaceAll(out, m, with)
	}
	words := strings.FieldsFunc(dropPeriods(out), isSpacePython)
	yes, no := slices.Contains(words, "yes"), slices.Contains(words, "no")
	switch {
	case yes && !no:
		return Extraction{"Yes", RuleWord}
	case no && !yes:
		return Extraction{"No", RuleWord}
	}
	return Extraction{"", RuleUnresolved}
}

// dropPeriods removes the first 32 periods that no digit follows. The number is upstream's: it passes re.UNICODE, which is 32,
// where re.sub takes a count.
func dropPeriods(s string) string {
	var b strings.Builder
	runes, dropped := []rune(s), 0
	for i, r := range runes {
		if r == '.' && dropped < 32 && (i+1 == len(runes) || !unicode.IsDigit(runes[i+1])) {
			dropped++
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
