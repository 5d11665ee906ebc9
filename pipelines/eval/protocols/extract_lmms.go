package protocols

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// What follows is lmms-eval's at commit 75571cfe (August 2026), one function a task, as its evaluators call them.

// lmmsAffixes are what may stand around a letter in the second look of can_infer_option.
var lmmsAffixes = [][2]string{{"", "."}, {"", ","}, {"", ":"}, {"", ")"}, {"", ")."}, {"(", ")"}, {"(", ")."}, {":", ""}, {":", ","}, {":", "."}, {":", ")"}, {":", ")."}}

// lmmsChoice is MMBench_Evaluator.can_infer of lmms_eval/tasks/mmbench/mmbench_evals.py. Letters A to E are looked for,
// whatever options there are; A is not believed in an answer of more than three words.
func lmmsChoice(it suites.Item, answer string) Extraction {
	if !strings.Contains(answer, failedCall) {
		words := strings.FieldsFunc(answer, pytext.IsSpace)
		if l := onlyLetter(words, "", ""); l != "" && (len(words) <= 3 || !slices.Contains(words, "A")) {
			return Extraction{l, RuleLetter}
		}
		for _, a := range lmmsAffixes {
			if l := onlyLetter(words, a[0], a[1]); l != "" {
				return Extraction{l, RuleLetter}
			}
		}
	}
	return inferText(it, pytext.Lower(answer))
}

// onlyLetter is the one of A to E that stands with that prefix and suffix as a word, if it is one.
func onlyLetter(words []string, prefix, suffix string) string {
	found := ""
	for _, l := range "ABCDE" {
		if slices.Contains(words, prefix+string(l)+suffix) {
			found += string(l)
		}
	}
	if len(found) == 1 {
		return found
	}
	return ""
}

// lmmsStatic is what the task without a judge does: can_infer, then extract_mcq_answer where nothing was found.
func lmmsStatic(it suites.Item, answer string) Extraction {
	if e := lmmsChoice(it, answer); e.Answer != "" {
		return e
	}
	return lmmsFallback(it.Letters(), answer)
}

// lmmsPhrases come before an answer in extract_mcq_answer.
var lmmsPhrases = []string{
	"the answer is", "answer is", "the correct answer is", "correct answer is", "the best answer is", "best answer is", "the correct option is",
	"correct option is", "the best option is", "best option is", "the choice is", "choice is", "the correct choice is", "correct choice is", "i choose",
	"i select", "i pick", "my answer is", "my choice is", "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは",
}

// lmmsFallback is extract_mcq_answer of lmms_eval/tasks/_task_utils/mcq_extract.py: of all places where a letter stands
// in a known way, the last one of the most trusted way. Ways are ranked; positions count characters.
func lmmsFallback(letters []string, answer string) Extraction {
	stripped := strings.TrimFunc(answer, pytext.IsSpace)
	if stripped == "" {
		return Extraction{"", RuleUnresolved}
	}
	for _, c := range []string{",", ".", "!", "?", ";", ":", "'", `"`} {
		stripped = strings.Trim(stripped, c)
	}
	text := " " + stripped + " "
	best := struct {
		letter    string
		rank, at  int
		extracted string
	}{rank: -1}
	offer := func(letter string, rank, at int, rule string) {
		if rank > best.rank || rank == best.rank && at > best.at {
			best.letter, best.rank, best.at, best.extracted = letter, rank, at, rule
		}
	}
	last := func(part string) int { return runesBefore(text, strings.LastIndex(text, part)) }
	for _, way := range []struct {
		before, after string
		rank          int
	}{{"(", ")", 6}, {"", ".", 5}, {"", ":", 4}, {"", ")", 3}, {"", " ", 2}} {
		for _, l := range letters {
			if at := last(way.before + l + way.after); at >= 0 {
				offer(l, way.rank, at, RuleLetter)
			}
		}
	}
	whole, lower := []rune(text), []rune(pytext.Lower(text))
	for _, p := range lmmsPhrases {
		at := strings.Index(string(lower), p)
		if at < 0 {
			continue
		}
		after := min(utf8.RuneCountInString(string(lower)[:at])+utf8.RuneCountInString(p), len(whole))
		for _, l := range letters {
			if k := slices.Index(whole[after:], rune(l[0])); k >= 0 {
				offer(l, 7, after+k, RulePhrase)
			}
		}
	}
	inner := []rune(strings.TrimFunc(text, pytext.IsSpace))
	for _, l := range letters {
		if n := len(inner); n > 0 {
			if string(inner[0]) == l && (n == 1 || !unicode.IsLetter(inner[1])) {
				offer(l, 10, 0, RuleStart)
			}
			if string(inner[n-1]) == l && (n == 1 || !unicode.IsLetter(inner[n-2])) {
				offer(l, 9, len(whole)-1, RuleLetter)
			}
		}
	}
	if best.rank < 0 {
		for _, l := range letters {
			if at := last(l); at >= 0 {
				offer(l, 0, at, RuleLetter)
			}
		}
	}
	if best.rank < 0 {
		return Extraction{"", RuleUnresolved}
	}
	return Extraction{best.letter, best.extracted}
}

// runesBefore turns a byte position into one in characters; -1 stays.
func runesBefore(s string, at int) int {
	if at < 0 {
		return -1
	}
	return utf8.RuneCountInString(s[:at])
}

// lmmsPOPE is pope_process_results: the trimmed answer in lower case is yes or no, or nothing.
func lmmsPOPE(_ suites.Item, answer string) Extraction {
	switch strings.TrimFunc(pytext.Lower(answer), pytext.IsSpace) {
	case "yes":
		return Extraction{"Yes", RuleGiven}
	case "no":
		return Extraction{"No", RuleGiven}
	}
	return Extraction{"", RuleUnresolved}
}

// lmmsMME is parse_pred_ans of lmms_eval/tasks/mme/utils.py: yes or no alone, y or n alone, or either in the first four
// characters.
func lmmsMME(_ suites.Item, answer string) Extraction {
	text := strings.ReplaceAll(strings.TrimFunc(pytext.Lower(answer), pytext.IsSpace), ".", "")
	if n := utf8.RuneCountInString(text); n == 1 {
		text = map[string]string{"y": "yes", "n": "no"}[text]
	} else if n > 4 {
		text = string([]rune(text)[:4])
	}
	switch {
	case strings.Contains(text, "yes"):
		return Extraction{"Yes", RuleStart}
	case strings.Contains(text, "no"):
		return Extraction{"No", RuleStart}
	}
	return Extraction{"", RuleUnresolved}
}

// lmmsSEED is seed_process_result: the first character, in either case.
func lmmsSEED(it suites.Item, answer string) Extraction {
	r, _ := utf8.DecodeRuneInString(strings.TrimFunc(answer, pytext.IsSpace))
	if l := strings.ToUpper(string(r)); it.HasOption(l) {
		return Extraction{l, RuleStart}
	}
	return Extraction{"", RuleUnresolved}
}

// lmmsScienceQA is sqa_process_results: the letter alone in either case, or a capital and a period at the start.
func lmmsScienceQA(it suites.Item, answer string) Extraction {
	text := strings.TrimFunc(answer, pytext.IsSpace)
	if l := strings.ToUpper(text); len(l) == 1 && it.HasOption(l) {
		return Extraction{l, RuleLetter}
	}
	if r := []rune(text); len(r) >= 2 && unicode.IsUpper(r[0]) && r[1] == '.' && it.HasOption(string(r[0])) {
		return Extraction{string(r[0]), RuleStart}
	}
	return Extraction{"", RuleUnresolved}
}

var letterAndPeriod = regexp.MustCompile(`^[\s\v\x1c-\x1f\x{85}\p{Z}]*([A-Z])\.`)

// asciiPunctuation is Python's string.punctuation, which exact_match takes out with ignore_punctuation.
const asciiPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// lmmsAI2D is MultiChoiceRegexFilter of lmms_eval/tasks/ai2d/utils.py and exact_match without case and punctuation.
func lmmsAI2D(it suites.Item, answer string) Extraction {
	if m := letterAndPeriod.FindStringSubmatch(answer); m != nil {
		if it.HasOption(m[1]) {
			return Extraction{m[1], RuleStart}
		}
		return Extraction{"", RuleUnresolved}
	}
	bare := strings.ToUpper(strings.Map(func(r rune) rune {
		if strings.ContainsRune(asciiPunctuation, r) {
			return -1
		}
		return r
	}, answer))
	if len(bare) == 1 && it.HasOption(bare) {
		return Extraction{bare, RuleLetter}
	}
	return Extraction{"", RuleUnresolved}
}
