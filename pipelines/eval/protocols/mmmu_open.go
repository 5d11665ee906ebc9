package protocols

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"moslava/internal/pytext"
)

// value is a text or a number, as normalize_str makes them.
type value struct {
	text   string
	number float64
	isText bool
}

// normaliseMMMU is normalize_str: a number rounded to two places, else the text in lower case; one character by itself
// gets a space on either side in turn.
func normaliseMMMU(s string) []value {
	s = strings.TrimFunc(s, pytext.IsSpace)
	if f, ok := pytext.ParseFloat(strings.ReplaceAll(s, ",", "")); ok {
		return []value{{number: round2(f)}}
	}
	s = pytext.Lower(s)
	if utf8.RuneCountInString(s) == 1 {
		return []value{{text: " " + s, isText: true}, {text: s + " ", isText: true}}
	}
	return []value{{text: s, isText: true}}
}

var keyWords = []string{"could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result "}

// keyParts is get_key_subresponses: per line, the shortest rest after a word that announces an answer; the whole answer
// if there is none.
func keyParts(answer string) []string {
	answer = pytext.Lower(strings.Trim(strings.TrimFunc(answer, pytext.IsSpace), "."))
	lines := strings.Split(answer, "\n") // upstream also splits before capitals, of which there are none left
	var parts []string
	words := keyWords
	for i, line := range lines {
		if i == len(lines)-1 {
			words = append(slices.Clone(keyWords), "=")
		}
		shortest := ""
		for _, w := range words {
			k := strings.LastIndex(line, w)
			if k < 0 {
				continue
			}
			rest := strings.TrimFunc(line[k+len(w):], pytext.IsSpace)
			if shortest == "" || utf8.RuneCountInString(rest) < utf8.RuneCountInString(shortest) {
				shortest = rest
			}
		}
		if shortest != "" && !slices.Contains([]string{":", ",", ".", "!", "?", ";", "'"}, shortest) {
			parts = append(parts, shortest)
		}
	}
	if len(parts) == 0 {
		return []string{answer}
	}
	return parts
}

var (
	scientificNumber = regexp.MustCompile(`-?\p{Nd}+(?:\.\p{Nd}+)?[eE][+-]?\p{Nd}+`)
	exponent         = regexp.MustCompile(`^[eE][+-]?\p{Nd}+`)
)

// isWord is \w of Python.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// numbersIn is extract_numbers: numbers with commas, in scientific notation, and plain ones, in this order. Go's
// expressions look neither ahead nor around non-ASCII words, so two of upstream's three patterns are written out.
func numbersIn(s string) []string {
	r := []rune(s)
	out := commaNumbers(r)
	out = append(out, scientificNumber.FindAllString(s, -1)...)
	return append(out, plainNumbers(r)...)
}

// commaNumbers is -?\b\d{1,3}(?:,\d{3})+\b.
func commaNumbers(r []rune) (out []string) {
	for i := 0; i < len(r); {
		from := i
		if r[i] == '-' {
			from++
		}
		end := commaNumber(r, from)
		if end == 0 || from == i && i > 0 && isWord(r[i-1]) {
			i++
			continue
		}
		out = append(out, string(r[i:end]))
		i = end
	}
	return out
}

// commaNumber is where the number that starts at i ends, 0 if none does. A group before a word character is given back,
// so that the number ends before its comma.
func commaNumber(r []rune, i int) int {
	digit := func(k int) bool { return k < len(r) && unicode.IsDigit(r[k]) }
	end := i
	for end < i+3 && digit(end) {
		end++
	}
	if end == i {
		return 0
	}
	groups := 0
	for end < len(r) && r[end] == ',' && digit(end+1) && digit(end+2) && digit(end+3) {
		end += 4
		groups++
	}
	if end < len(r) && isWord(r[end]) {
		end -= 4
		groups--
	}
	if groups < 1 {
		return 0
	}
	return end
}

// plainNumbers is -?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d]).
func plainNumbers(r []rune) (out []string) {
	digits := func(i int) int {
		for i < len(r) && unicode.IsDigit(r[i]) {
			i++
		}
		return i
	}
	allowed := func(end int) bool {
		return !exponent.MatchString(string(r[end:min(len(r), end+64)])) && (end == len(r) || r[end] != ',' && !unicode.IsDigit(r[end]))
	}
	// match returns where a number that starts at i ends, 0 for none.
	match := func(i int) int {
		whole := digits(i)
		for w := whole; w > i && w < len(r) && r[w] == '.'; w = i { // \d+\.\d+: only all digits are followed by a period
			for end := digits(w + 1); end > w+1; end-- {
				if allowed(end) {
					return end
				}
			}
		}
		if i < len(r) && r[i] == '.' {
			for end := digits(i + 1); end > i+1; end-- {
				if allowed(end) {
					return end
				}
			}
		}
		if whole > i && (whole == len(r) || !isWord(r[whole])) && allowed(whole) {
			return whole
		}
		return 0
	}
	for i := 0; i < len(r); {
		from := i
		if r[i] == '-' {
			from++
		}
		end := match(from)
		if end == 0 {
			i++
			continue
		}
		out = append(out, string(r[i:end]))
		i = end
	}
	return out
}

// mmmuOpen is parse_open_response: what the answer may have said, as texts and numbers. Upstream makes a set of it, so
// order means nothing; here duplicates are left out and the first stays.
func mmmuOpen(answer string) []value {
	parts := keyParts(answer)
	all := slices.Clone(parts)
	for _, p := range parts {
		all = append(all, numbersIn(p)...)
	}
	var out []value
	for _, s := range all {
		for _, v := range normaliseMMMU(s) {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// mmmuOpenRight is eval_open: a number among the accepted answers, or a text that has one of them in it.
func mmmuOpenRight(answers []string, said []value) bool {
	var want []value
	for _, a := range answers {
		want = append(want, normaliseMMMU(a)...)
	}
	for _, v := range said {
		for _, w := range want {
			if v.isText && w.isText && strings.Contains(v.text, w.text) || !v.isText && !w.isText && v.number == w.number {
				return true
			}
		}
	}
	return false
}

// round2 is Python's round(f, 2), which rounds the decimal expansion half to even.
func round2(f float64) float64 {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return f
	}
	r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 2, 64), 64)
	return r
}
