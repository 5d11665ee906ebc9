package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	tokEOF kind = iota
	tokData
	tokVarBegin
	tokVarEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

type token struct {
	kind kind
	line int
	text string // of a string: its value
}

func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "end of template"
	case tokData:
		return "template text"
	case tokVarBegin:
		return "begin of print statement"
	case tokVarEnd:
		return "end of print statement"
	case tokBlockBegin:
		return "begin of statement block"
	case tokBlockEnd:
		return "end of statement block"
	}
	return t.text
}

// lexer cuts a source into tokens as jinja2/lexer.py does with trim_blocks and lstrip_blocks.
type lexer struct {
	src       string
	pos, line int
	lineStart bool // the last match ended in a line break
	out       []token
}

func lex(source string) []token {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	l := &lexer{src: strings.TrimSuffix(source, "\n"), line: 1, lineStart: true}
	for l.pos < len(l.src) {
		l.root()
	}
	l.emit(tokEOF, "")
	return l.out
}

func (l *lexer) emit(k kind, text string) { l.out = append(l.out, token{k, l.line, text}) }

// advance goes to pos and counts lines.
func (l *lexer) advance(pos int) {
	passed := l.src[l.pos:pos]
	l.line += strings.Count(passed, "\n")
	l.lineStart = strings.HasSuffix(passed, "\n")
	l.pos = pos
}

// root reads text up to the next tag, and that tag.
func (l *lexer) root() {
	rest := l.src[l.pos:]
	at := nextTag(rest)
	if at < 0 {
		l.emit(tokData, rest)
		l.advance(len(l.src))
		return
	}
	text, kind := rest[:at], rest[at+1]
	sign, n := signAt(rest, at+2)
	raw := -1
	if kind == '%' {
		raw = rawBegin(rest, at+2+n)
	}
	l.data(text, sign, kind == '{')
	l.advance(l.pos + at)
	switch {
	case raw >= 0:
		l.advance(l.pos + raw - at)
		l.raw()
	case kind == '#':
		l.comment(2 + n)
	default:
		l.tag(kind, 2+n)
	}
}

// nextTag is the index of the first {{, {% or {#.
func nextTag(s string) int {
	for i := 0; ; i++ {
		k := strings.IndexByte(s[i:], '{')
		if i += k; k < 0 || i+1 >= len(s) {
			return -1
		}
		if c := s[i+1]; c == '{' || c == '%' || c == '#' {
			return i
		}
	}
}

func signAt(s string, i int) (sign byte, n int) {
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		return s[i], 1
	}
	return 0, 0
}

// data emits text that stands before a tag with the given sign.
func (l *lexer) data(text string, sign byte, variable bool) {
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, isSpace)
	case sign != '+' && !variable:
		i := strings.LastIndexByte(text, '\n') + 1
		if (i > 0 || l.lineStart) && strings.TrimLeftFunc(text[i:], isSpace) == "" {
			text = text[:i]
		}
	}
	if text != "" {
		l.emit(tokData, text)
	}
}

// comment skips a comment whose text begins n bytes from here.
func (l *lexer) comment(n int) {
	i := strings.Index(l.src[l.pos+n:], "#}")
	if i < 0 {
		failAt(l.line, `"{#" is never closed`)
	}
	end := l.pos + n + i
	l.closeTag(end+2, i > 0, end-1)
}

// closeTag goes behind a closing mark that ends at end, and behind the white space that it takes. The sign, if there may
// be one, is at signPos.
func (l *lexer) closeTag(end int, signed bool, signPos int) {
	sign := byte(0)
	if signed {
		sign = l.src[signPos]
	}
	switch sign {
	case '-':
		end = skipSpace(l.src, end)
	case '+':
	default:
		if end < len(l.src) && l.src[end] == '\n' {
			end++
		}
	}
	l.advance(end)
}

// rawBegin is the end of a {% raw %} whose name is looked for at i, -1 if it is another tag.
func rawBegin(s string, i int) int {
	i = skipSpace(s, i)
	if !strings.HasPrefix(s[i:], "raw") {
		return -1
	}
	i = skipSpace(s, i+3)
	switch {
	case strings.HasPrefix(s[i:], "-%}"):
		return skipSpace(s, i+3)
	case strings.HasPrefix(s[i:], "%}"):
		return i + 2
	}
	return -1
}

// raw reads text up to {% endraw %}.
func (l *lexer) raw() {
	for at := l.pos; ; at += 2 {
		i := strings.Index(l.src[at:], "{%")
		if i < 0 {
			failAt(l.line, "{%% raw %%} is never closed")
		}
		at += i
		sign, n := signAt(l.src, at+2)
		end := skipSpace(l.src, at+2+n)
		if !strings.HasPrefix(l.src[end:], "endraw") {
			continue
		}
		end = skipSpace(l.src, end+len("endraw"))
		_, m := signAt(l.src, end)
		if !strings.HasPrefix(l.src[end+m:], "%}") {
			continue
		}
		l.data(l.src[l.pos:at], sign, false)
		l.closeTag(end+m+2, m > 0, end)
		return
	}
}

// tag reads the tokens of a print statement or block whose inside begins n bytes from here.
func (l *lexer) tag(kind byte, n int) {
	begin, end, closing := tokVarBegin, tokVarEnd, "}}"
	if kind == '%' {
		begin, end, closing = tokBlockBegin, tokBlockEnd, "%}"
	}
	opened := l.line
	l.emit(begin, "")
	l.advance(l.pos + n)
	var brackets []byte
	for {
		rest := l.src[l.pos:]
		if len(brackets) == 0 {
			sign, m := signAt(rest, 0)
			if sign == '+' && kind == '{' {
				m = 0
			}
			if strings.HasPrefix(rest[m:], closing) {
				l.emit(end, "")
				if kind == '{' && m == 0 {
					l.advance(l.pos + 2)
				} else {
					l.closeTag(l.pos+m+2, m > 0, l.pos)
				}
				return
			}
		}
		if rest == "" {
			failAt(opened, `"{%c" is never closed`, kind)
		}
		brackets = l.inside(rest, brackets)
	}
}

// inside reads one token of a tag, or white space.
func (l *lexer) inside(rest string, brackets []byte) []byte {
	c, size := utf8.DecodeRuneInString(rest)
	switch {
	case isSpace(c):
		l.advance(skipSpace(l.src, l.pos))
	case c >= '0' && c <= '9':
		l.number(rest)
	case isWord(c):
		for size < len(rest) {
			c, n := utf8.DecodeRuneInString(rest[size:])
			if !isWord(c) {
				break
			}
			size += n
		}
		l.emit(tokName, rest[:size])
		l.advance(l.pos + size)
	case c == '\'' || c == '"':
		end := stringEnd(rest)
		if end < 0 {
			failAt(l.line, "a string that begins with %c is never closed", c)
		}
		l.emit(tokString, unescape(rest[1:end-1], l.line))
		l.advance(l.pos + end)
	default:
		return l.operator(rest, brackets)
	}
	return brackets
}

func (l *lexer) operator(rest string, brackets []byte) []byte {
	n := 1
	if len(rest) > 1 {
		switch rest[:2] {
		case "//", "**", "==", "!=", ">=", "<=":
			n = 2
		}
	}
	op := rest[:n]
	if n == 1 && !strings.Contains("+-/*%~[](){}><=.:|,;", op) {
		c, _ := utf8.DecodeRuneInString(rest)
		failAt(l.line, "unexpected character %q", c)
	}
	switch op {
	case "(":
		brackets = append(brackets, ')')
	case "[":
		brackets = append(brackets, ']')
	case "{":
		brackets = append(brackets, '}')
	case ")", "]", "}":
		last := len(brackets) - 1
		if last < 0 {
			failAt(l.line, "unexpected '%s'", op)
		}
		if brackets[last] != op[0] {
			failAt(l.line, "unexpected '%s', expected '%c'", op, brackets[last])
		}
		brackets = brackets[:last]
	}
	l.emit(tokOp, op)
	l.advance(l.pos + n)
	return brackets
}

// stringEnd is the length of the string literal at the start of s, -1 if it does not end.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return -1
}

// isSpace is Python's str.isspace.
func isSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }

func isWord(c rune) bool {
	return c == '_' || c < utf8.RuneSelf && (c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9') ||
		c >= utf8.RuneSelf && c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsNumber(c))
}

// skipSpace is the first index from i on without white space.
func skipSpace(s string, i int) int {
	return len(s) - len(strings.TrimLeftFunc(s[i:], isSpace))
}
