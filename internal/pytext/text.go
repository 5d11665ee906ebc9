package pytext

import (
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// IsSpace is what str.split() splits at: Unicode white space and the four ASCII separators.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || (0x1c <= r && r <= 0x1f) }

// Lower is str.lower(): full Unicode lower-casing, final sigma included. A Caser holds state, so each call has its own.
func Lower(s string) string { return cases.Lower(language.Und).String(s) }
