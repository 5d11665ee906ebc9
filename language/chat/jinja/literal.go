package jinja

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The numbers of jinja2/lexer.py.
var (
	floatLiteral = regexp.MustCompile(`^(\d+_)*\d+((\.(\d+_)*\d+)?[eE][+\-]?(\d+_)*\d+|\.(\d+_)*\d+)`)
	intLiteral   = regexp.MustCompile(`^(0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|[1-9](_?\d)*|0(_?0)*)`)
)

func (l *lexer) number(rest string) {
	afterDot := l.pos > 0 && l.src[l.pos-1] == '.'
	if m := floatLiteral.FindString(rest); m != "" && !afterDot {
		l.emit(tokFloat, strings.ReplaceAll(m, "_", ""))
		l.advance(l.pos + len(m))
		return
	}
	m := intLiteral.FindString(rest)
	if len(m) > 60 {
		failAt(l.line, "the number %.20s... does not fit into 64 bits", m)
	}
	l.emit(tokInt, strings.ReplaceAll(m, "_", ""))
	l.advance(l.pos + len(m))
}

var simpleEscapes = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape reads the inside of a string literal as Python does.
func unescape(s string, line int) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var sb strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			sb.WriteByte(s[i])
			continue
		}
		i++
		c := s[i]
		if text, ok := simpleEscapes[c]; ok {
			sb.WriteString(text)
			continue
		}
		digits, base := 0, 16
		switch {
		case c == 'x':
			digits = 2
		case c == 'u':
			digits = 4
		case c == 'U':
			digits = 8
		case c == 'N':
			failAt(line, `\N in a string is not supported, \u is`)
		case c >= '0' && c <= '7':
			base, digits = 8, 1
			for digits < 3 && i+digits < len(s) && s[i+digits] >= '0' && s[i+digits] <= '7' {
				digits++
			}
			i--
		default: // not an escape: the backslash stays
			sb.WriteByte('\\')
			i--
			continue
		}
		if i+1+digits > len(s) {
			failAt(line, `truncated \%c in a string`, c)
		}
		n, err := strconv.ParseUint(s[i+1:i+1+digits], base, 32)
		if err != nil || !utf8.ValidRune(rune(n)) {
			failAt(line, `\%c%s in a string is no character`, c, s[i+1:i+1+digits])
		}
		sb.WriteRune(rune(n))
		i += digits
	}
	return sb.String()
}
