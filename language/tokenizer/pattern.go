package tokenizer

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sugarme/tokenizer/normalizer"
)

// What Oniguruma's Unicode classes mean, for use inside [...].
const (
	spaceClass = `\t-\r\x{85}\p{Z}`
	wordClass  = `\p{L}\p{M}\p{N}\p{Pc}`
	digitClass = `\p{Nd}`
)

// spaceTail ends the patterns of GPT-2 and its descendants: of a run of white space before a word, the last space
// goes with the word. RE2 has no look-ahead, so Pattern does this part by hand.
const spaceTail = `\s+(?!\S)|\s+`

// gpt2Pattern is what ByteLevel splits by when use_regex is true.
const gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|` + spaceTail

// Pattern is a regular expression of tokenizer.json (Oniguruma syntax) as RE2. It implements sugarme/tokenizer's
// normalizer.Pattern.
type Pattern struct {
	re *regexp.Regexp
	// head is the anchored expression without its space tail; nil when the tail is absent.
	head *regexp.Regexp
	scan scanner // of well-known patterns, in place of both
}

var _ normalizer.Pattern = (*Pattern)(nil)

// CompilePattern translates an Oniguruma expression. \s \S \w \d mean Unicode classes; of look-arounds only the tail
// `\s+(?!\S)|\s+` is understood. Anything that RE2 cannot say, or would understand differently, is an error.
func CompilePattern(expr string) (*Pattern, error) {
	p := &Pattern{scan: scanners[expr]}
	body := expr
	if rest, ok := strings.CutSuffix(expr, spaceTail); ok && (rest == "" || strings.HasSuffix(rest, "|")) {
		head, err := translate(strings.TrimSuffix(rest, "|"))
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", expr, err)
		}
		if rest == "" {
			head = `[^\x{0}-\x{10FFFF}]` // matches nothing
		}
		if p.head, err = regexp.Compile(`\A(?:` + head + `)`); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", expr, err)
		}
		body = rest + `\s+`
	}
	translated, err := translate(body)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", expr, err)
	}
	if p.re, err = regexp.Compile(translated); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", expr, err)
	}
	if p.re.MatchString("") {
		return nil, fmt.Errorf("pattern %q matches the empty string", expr)
	}
	return p, nil
}

// literalPattern matches s itself.
func literalPattern(s string) (*Pattern, error) {
	if s == "" {
		return nil, fmt.Errorf("pattern is the empty string")
	}
	re, err := regexp.Compile(regexp.QuoteMeta(s))
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", s, err)
	}
	find := func(t string, pos int) (int, int, bool) {
		i := strings.Index(t[pos:], s)
		return pos + i, pos + i + len(s), i >= 0
	}
	return &Pattern{re: re, scan: find}, nil
}

// translate rewrites the Oniguruma escapes for RE2 and refuses what the two read differently.
func translate(expr string) (string, error) {
	var sb strings.Builder
	inClass := false
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case c == '\\':
			i++
			if i == len(expr) {
				return "", fmt.Errorf("ends in a backslash")
			}
			s, err := translateEscape(expr[i], inClass)
			if err != nil {
				return "", err
			}
			sb.WriteString(s)
			continue
		case inClass && c == '[', inClass && strings.HasPrefix(expr[i:], "&&"):
			return "", fmt.Errorf("nested classes and && are not supported")
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		case !inClass && c == '$', !inClass && c == '^':
			return "", fmt.Errorf("anchor %q is not supported", c)
		}
		sb.WriteByte(c)
		if c == '[' {
			if strings.HasPrefix(expr[i+1:], "^") {
				sb.WriteByte('^')
				i++
			}
			if strings.HasPrefix(expr[i+1:], "]") {
				return "", fmt.Errorf("a class that starts with ] is not supported")
			}
		}
	}
	return sb.String(), nil
}

func translateEscape(c byte, inClass bool) (string, error) {
	class := ""
	switch c {
	case 's', 'S':
		class = spaceClass
	case 'w', 'W':
		class = wordClass
	case 'd', 'D':
		class = digitClass
	case 'p', 'P', 'r', 'n', 't', 'f', 'v', 'x':
		return `\` + string(c), nil
	default:
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return "", fmt.Errorf(`escape \%c is not supported`, c)
		}
		return `\` + string(c), nil
	}
	negated := c < 'a'
	switch {
	case inClass && negated:
		return "", fmt.Errorf(`\%c inside a class is not supported`, c)
	case inClass:
		return class, nil
	case negated:
		return "[^" + class + "]", nil
	}
	return "[" + class + "]", nil
}

// find returns the first match at or after pos as a byte range.
func (p *Pattern) find(s string, pos int) (start, end int, ok bool) {
	if p.scan != nil {
		return p.scan(s, pos)
	}
	m := p.re.FindStringIndex(s[pos:])
	if m == nil {
		return 0, 0, false
	}
	start, end = m[0]+pos, m[1]+pos
	if p.head == nil || end == len(s) {
		return start, end, true
	}
	last, size := utf8.DecodeLastRuneInString(s[start:end])
	if size == end-start || !unicode.IsSpace(last) || p.head.MatchString(s[start:]) {
		return start, end, true
	}
	return start, end - size, true
}

// FindMatches cuts s into matches and what lies between them; the pieces cover s without gaps.
func (p *Pattern) FindMatches(s string) []normalizer.OffsetsMatch {
	if s == "" {
		return []normalizer.OffsetsMatch{{Offsets: []int{0, 0}}}
	}
	var out []normalizer.OffsetsMatch
	pos := 0
	for pos < len(s) {
		start, end, ok := p.find(s, pos)
		if !ok || end == start {
			break
		}
		if start > pos {
			out = append(out, normalizer.OffsetsMatch{Offsets: []int{pos, start}})
		}
		out = append(out, normalizer.OffsetsMatch{Offsets: []int{start, end}, Match: true})
		pos = end
	}
	if pos < len(s) {
		out = append(out, normalizer.OffsetsMatch{Offsets: []int{pos, len(s)}})
	}
	return out
}

// errLong is of a text that would be longer than it may be.
var errLong = errors.New("too long")

// replaceAll replaces every match by the literal content. Before the result gets longer than most bytes it is errLong.
func (p *Pattern) replaceAll(s, content string, most int) (string, error) {
	start, end, ok := p.find(s, 0)
	if !ok {
		return s, nil
	}
	var sb strings.Builder
	pos := 0
	for ok && start < end {
		if sb.Len()+start-pos+len(content) > most {
			return "", errLong
		}
		sb.WriteString(s[pos:start])
		sb.WriteString(content)
		if pos = end; pos == len(s) {
			break
		}
		start, end, ok = p.find(s, pos)
	}
	if sb.Len()+len(s)-pos > most {
		return "", errLong
	}
	sb.WriteString(s[pos:])
	return sb.String(), nil
}

// compile builds the pattern of a component.
func (c *patternConfig) compile(field string) (*Pattern, error) {
	var p *Pattern
	var err error
	switch {
	case c == nil:
		return nil, missing(field, "pattern")
	case c.String != nil:
		p, err = literalPattern(*c.String)
	case c.Regex != nil:
		p, err = CompilePattern(*c.Regex)
	default:
		return nil, fmt.Errorf("%s.pattern: String or Regex expected", field)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return p, nil
}
