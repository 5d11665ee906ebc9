package recipe

import (
	"errors"
	"fmt"
	"regexp"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a name: file systems take 255 bytes, of which what is put around a name needs some.
const (
	maxNameRunes = 100
	maxNameBytes = 200
)

// reserved are the names that Windows keeps for devices, with any ending.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$`)

// CleanName brings the name of a recipe, a study or a suite to NFC and checks that it can be that of a directory everywhere: letters of any alphabet with
// their marks, digits, single spaces, '.', '_' and '-', beginning with a letter or digit.
func CleanName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", errors.New("is not UTF-8")
	}
	name = norm.NFC.String(name)
	var last rune
	for i, c := range name {
		word := unicode.In(c, unicode.Letter, unicode.Nd)
		switch {
		case i == 0 && !word:
			return "", fmt.Errorf("begins with %q, expected a letter or digit", c)
		case c == ' ' && last == ' ':
			return "", errors.New("has two spaces in a row, expected one")
		case !word && !unicode.Is(unicode.M, c) && c != ' ' && c != '.' && c != '_' && c != '-':
			return "", fmt.Errorf("has the character %q (%U), expected letters, digits, spaces, '.', '_' and '-'", c, c)
		}
		last = c
	}
	switch {
	case name == "":
		return "", errors.New("is empty, expected a name")
	case last == ' ' || last == '.':
		return "", fmt.Errorf("ends with %q, which Windows takes away", last)
	case utf8.RuneCountInString(name) > maxNameRunes || len(name) > maxNameBytes:
		return "", fmt.Errorf("has %d characters in %d bytes, expected at most %d in %d", utf8.RuneCountInString(name), len(name), maxNameRunes, maxNameBytes)
	case reserved.MatchString(name):
		return "", errors.New("is a device's name on Windows")
	}
	return name, nil
}
