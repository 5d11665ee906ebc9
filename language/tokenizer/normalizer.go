package tokenizer

import (
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

// normalizeFunc rewrites the text between two added tokens.
type normalizeFunc func(text string, at place) string

const supportedNormalizers = "Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip"

func newNormalizer(c *component, field string) ([]normalizeFunc, error) {
	if c == nil {
		return nil, nil
	}
	always := func(f func(string) string) ([]normalizeFunc, error) {
		return []normalizeFunc{func(s string, _ place) string { return f(s) }}, nil
	}
	switch c.Type {
	case "Sequence":
		return sequence(c.Normalizers, field+".normalizers", newNormalizer)
	case "Prepend":
		if c.Prepend == nil {
			return nil, missing(field, "prepend")
		}
		return []normalizeFunc{func(s string, at place) string {
			if s == "" || at == continuation {
				return s
			}
			return *c.Prepend + s
		}}, nil
	case "Replace":
		if c.Content == nil {
			return nil, missing(field, "content")
		}
		p, err := c.Pattern.compile(field)
		if err != nil {
			return nil, err
		}
		return always(func(s string) string { return p.replaceAll(s, *c.Content) })
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
