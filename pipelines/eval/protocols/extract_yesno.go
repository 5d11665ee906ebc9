package protocols

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"moslava/internal/pytext"
)

var commaInNumber = regexp.MustCompile(`\p{Nd},\p{Nd}`)

// marks are what process_punctuation of VLMEvalKit vlmeval/smp/misc.py removes.
var marks = []string{";", "/", "[", "]", `"`, "{", "}", "(", ")", "=", "+", `\`, "_", "-", ">", "<", "@", "`", ",", "?", "!"}

// replaceMarks is process_punctuation without its periods: a mark goes when a space stands next to one of its kind
// anywhere, or when a number has a comma in it, else it becomes a space.
func replaceMarks(in string) string {
	out, number := in, commaInNumber.MatchString(in)
	for _, m := range marks {
		with := " "
		if number || strings.Contains(in, m+" ") || strings.Contains(in, " "+m) {
			with = ""
		}
		out = strings.ReplaceAll(out, m, with)
	}
	return out
}

// inferYesNo is YOrN_Extraction of VLMEvalKit vlmeval/evaluate/yes_or_no.py: without marks and
// periods, exactly one of the words yes and no decides.
func inferYesNo(answer string) Extraction {
	words := strings.FieldsFunc(dropPeriods(replaceMarks(pytext.Lower(answer)), false), pytext.IsSpace)
	yes, no := slices.Contains(words, "yes"), slices.Contains(words, "no")
	switch {
	case yes && !no:
		return Extraction{"Yes", RuleWord}
	case no && !yes:
		return Extraction{"No", RuleWord}
	}
	return Extraction{"", RuleUnresolved}
}

// dropPeriods removes the first 32 periods that no digit follows, and, after is set, none that follows a digit
// (VLMEvalKit since 2025-05-13; before, as in m4c, a slip in the pattern made that condition void). The number is
// upstream's: it passes re.UNICODE, which is 32, where re.sub takes a count.
func dropPeriods(s string, after bool) string {
	var b strings.Builder
	runes, dropped := []rune(s), 0
	for i, r := range runes {
		if r == '.' && dropped < 32 && (i+1 == len(runes) || !unicode.IsDigit(runes[i+1])) && (!after || i == 0 || !unicode.IsDigit(runes[i-1])) {
			dropped++
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
