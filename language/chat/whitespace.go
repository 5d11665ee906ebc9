package chat

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// applyWhitespaceRules rewrites a Jinja source so that it means the same without white-space control: trim_blocks and
// lstrip_blocks (both on in transformers), the signs in {%- +%} and the like, comments and the final newline are dealt
// with here, because gonja strips more than Jinja's lexer (jinja2 3.1, lexer.py) does. {% generation %}, which
// transformers adds to Jinja to mark what an assistant says, becomes {% if true %}.
func applyWhitespaceRules(source string) (string, error) {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	source = strings.TrimSuffix(source, "\n")
	whole := source
	var out strings.Builder
	lineStart := true     // whether the text to come begins a line as far as lstrip_blocks is concerned
	stripNext := false    // the tag before ended in -
	newlineAfter := false // the tag before takes a newline with it
	for {
		text, tag, rest := nextTag(source)
		if tag == "" && rest != "" {
			line := 1 + strings.Count(whole[:len(whole)-len(rest)], "\n")
			return "", fmt.Errorf("line %d: %q is never closed", line, rest[:2])
		}
		switch {
		case stripNext:
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
		case newlineAfter && strings.HasPrefix(text, "\n"):
			text, lineStart = text[1:], true
		}
		if tag == "" {
			out.WriteString(text)
			return out.String(), nil
		}
		kind, opens, closes := tag[:2], tag[2], tag[len(tag)-3]
		inner := tag[2 : len(tag)-2]
		if len(inner) == 0 {
			opens, closes = 0, 0
		}
		if opens == '-' || opens == '+' {
			inner = inner[1:]
		}
		if closes == '-' || closes == '+' {
			inner = strings.TrimSuffix(inner, string(closes))
		}
		if opens == '-' {
			text = strings.TrimRightFunc(text, unicode.IsSpace)
		} else if kind != "{{" && opens != '+' {
			text = stripIndent(text, lineStart)
		}
		out.WriteString(text)
		stripNext = closes == '-'
		newlineAfter = kind != "{{" && closes != '-' && closes != '+'
		lineStart = false
		if kind == "{%" && strings.TrimSpace(inner) == "raw" {
			raw, after, err := rawBlock(rest)
			if err != nil {
				return "", err
			}
			inner, rest = inner+"%}"+raw+"{% endraw ", after
		}
		if kind != "{#" && strings.TrimSpace(inner[:min(len(inner), 8)]) != "raw%}" {
			if err := checkTag(inner); err != nil {
				return "", fmt.Errorf("line %d: %w", 1+strings.Count(whole[:len(whole)-len(rest)], "\n"), err)
			}
		}
		switch kind {
		case "{{":
			out.WriteString("{{" + inner + "}}")
		case "{%":
			out.WriteString(statement(inner))
		}
		source = rest
	}
}

var generationTag = regexp.MustCompile(`\{%[-+]?\s*generation\s*[-+]?%\}`)

// statement is a tag as gonja reads it: the generation block becomes one that Jinja has, with marks at its ends, and what may
// run or grow is watched.
func statement(inner string) string {
	switch strings.TrimSpace(inner) {
	case "generation":
		return "{% if true %}{{ " + generationName + "(true) }}"
	case "endgeneration":
		return "{{ " + generationName + "(false) }}{% endif %}"
	}
	return "{%" + inner + "%}" + guarded(inner)
}

// stripIndent removes white space between the last line break and the end of text, if there is nothing else.
func stripIndent(text string, lineStart bool) string {
	i := strings.LastIndexByte(text, '\n') + 1
	if (i > 0 || lineStart) && strings.TrimSpace(text[i:]) == "" {
		return text[:i]
	}
	return text
}

// nextTag cuts source into the text before the next {{ }}, {% %} or {# #}, that tag, and the rest. A tag ends where its
// closing mark stands outside strings and brackets; one that never ends is in the rest.
func nextTag(source string) (text, tag, rest string) {
	start := -1
	for i := 0; i+1 < len(source); i++ {
		if source[i] == '{' && strings.IndexByte("{%#", source[i+1]) >= 0 {
			start = i
			break
		}
	}
	if start < 0 {
		return source, "", ""
	}
	body := source[start:]
	end := -1
	switch body[1] {
	case '#':
		if i := strings.Index(body[2:], "#}"); i >= 0 {
			end = 2 + i + 2
		}
	case '{':
		end = tagEnd(body, "}}")
	case '%':
		end = tagEnd(body, "%}")
	}
	if end < 0 {
		return source[:start], "", body
	}
	return source[:start], body[:end], body[end:]
}

// tagEnd is the length of the tag at the start of s, -1 if closing never comes.
func tagEnd(s, closing string) int {
	depth := 0
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\'':
			i = stringEnd(s, i)
		case depth == 0 && strings.HasPrefix(s[i:], closing):
			return i + len(closing)
		case c == '(' || c == '[' || c == '{':
			depth++
		case depth > 0 && (c == ')' || c == ']' || c == '}'):
			depth--
		}
	}
	return -1
}

// stringEnd is the index of the quote that ends the string literal starting at s[i].
func stringEnd(s string, i int) int {
	for k := i + 1; k < len(s); k++ {
		switch s[k] {
		case '\\':
			k++
		case s[i]:
			return k
		}
	}
	return len(s)
}

// rawBlock cuts s at its {% endraw %}.
func rawBlock(s string) (raw, rest string, err error) {
	for from := 0; ; {
		i := strings.Index(s[from:], "{%")
		if i < 0 {
			return "", "", fmt.Errorf("{%% raw %%} is never closed")
		}
		i += from
		end := strings.Index(s[i:], "%}")
		if end >= 0 && strings.Trim(s[i+2:i+end], " \t\n+-") == "endraw" {
			return s[:i], s[i+end+2:], nil
		}
		from = i + 2
	}
}
