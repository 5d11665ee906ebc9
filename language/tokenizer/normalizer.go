package tokenizer

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// place says what stands before a piece of text; the rules about a leading space depend on it.
type place int

const (
	opening      place = iota // nothing: the piece opens the text
	afterToken                // an added token
	continuation              // ordinary text, which the piece continues
)

// normalizeFunc rewrites the text between two added tokens. Before the result gets longer than most bytes it is an error.
type normalizeFunc func(text string, at place, most int) (string, error)

// Normalizers of a tokenizer.json can make any text of a character, each of them more of the one before. What is longer than growth times the
// text and room bytes more is an error; the most that a published normaliser makes of a character is eleven times it (NFKD of U+FDFA).
const (
	growth = 32
	room   = 64 << 10
)

// tooLong is of a text of so many bytes and normalizers that make more than most of it.
func tooLong(n, most int) error {
	return fmt.Errorf("the normalizers of tokenizer.json make more than %d bytes of a text of %d", most, n)
}

// normalize applies all normalizers.
func (t *Tokenizer) normalize(text string, at place) (string, error) {
	n, most := len(text), growth*len(text)+room
	for _, f := range t.normalizers {
		var err error
		if text, err = f(text, at, most); err != nil {
			return "", tooLong(n, most)
		}
		if len(text) > most {
			return "", tooLong(n, most)
		}
	}
	return text, nil
}

const supportedNormalizers = "Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip"

func newNormalizer(c *component, field string) ([]normalizeFunc, error) {
	if c == nil {
		return nil, nil
	}
	always := func(f func(string) string) ([]normalizeFunc, error) {
		return []normalizeFunc{func(s string, _ place, _ int) (string, error) { return f(s), nil }}, nil
	}
	switch c.Type {
	case "Sequence":
		return sequence(c.Normalizers, field+".normalizers", newNormalizer)
	case "Prepend":
		if c.Prepend == nil {
			return nil, missing(field, "prepend")
		}
		return []normalizeFunc{func(s string, at place, most int) (string, error) {
			if s == "" || at == continuation {
				return s, nil
			}
			if len(*c.Prepend)+len(s) > most {
				return "", errLong
			}
			return *c.Prepend + s, nil
		}}, nil
	case "Replace":
		if c.Content == nil {
			return nil, missing(field, "content")
		}
		p, err := c.Pattern.compile(field)
		if err != nil {
			return nil, err
		}
		return []normalizeFunc{func(s string, _ place, most int) (string, error) { return p.replaceAll(s, *c.Content, most) }}, nil
	case "NFC":
		return always(normalForm(norm.NFC))
	case "NFD":
		return always(normalForm(norm.NFD))
	case "NFKC":
		return always(normalForm(norm.NFKC))
	case "NFKD":
		return always(normalForm(norm.NFKD))
	case "Lowercase":
		return always(lowercase)
	case "Strip":
		return always(func(s string) string {
			if c.StripLeft {
				s = strings.TrimLeftFunc(s, unicode.IsSpace)
			}
			if c.StripRight {
				s = strings.TrimRightFunc(s, unicode.IsSpace)
			}
			return s
		})
	}
	return nil, unsupported(field, c.Type, supportedNormalizers)
}

// lowercase maps character by character as Rust's char::to_lowercase does: no final-sigma rule, and U+0130 becomes
// two characters, which unicode.ToLower cannot give.
func lowercase(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "\u0130", "i\u0307"))
}
