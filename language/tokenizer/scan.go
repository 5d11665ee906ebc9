package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The patterns that most files have are matched by hand: a regular expression takes most of the time otherwise.
// What they match is what their expressions match, which a test compares.

// scanner returns the first match in s at or after pos.
type scanner func(s string, pos int) (start, end int, ok bool)

var scanners = map[string]scanner{
	gpt2Pattern: scanGPT2,
	`\p{N}`:     func(s string, pos int) (int, int, bool) { return scanNumber(s, pos, false) },
	`\p{N}+`:    func(s string, pos int) (int, int, bool) { return scanNumber(s, pos, true) },
}

// class of a character, as gpt2Pattern tells them apart.
type class uint8

const (
	other class = iota
	letter
	number
	space
)

var asciiClass [utf8.RuneSelf]class

func init() {
	for i := range asciiClass {
		asciiClass[i] = classOf(rune(i))
	}
}

func classOf(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsSpace(r):
		return space
	case unicode.IsNumber(r):
		return number
	}
	return other
}

// classAt is the class and the length of the character at s[i:].
func classAt(s string, i int) (class, int) {
	if c := s[i]; c < utf8.RuneSelf {
		return asciiClass[c], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return classOf(r), n
}

// runEnd is where the characters of class c that begin at i end.
func runEnd(s string, i int, c class) int {
	for i < len(s) {
		k, n := classAt(s, i)
		if k != c {
			break
		}
		i += n
	}
	return i
}

// scanGPT2 is gpt2Pattern. Every character belongs to a match.
func scanGPT2(s string, pos int) (start, end int, ok bool) {
	if pos >= len(s) {
		return 0, 0, false
	}
	if n := contraction(s[pos:]); n > 0 {
		return pos, pos + n, true
	}
	i := pos
	c, n := classAt(s, i)
	if s[i] == ' ' && i+1 < len(s) {
		if next, _ := classAt(s, i+1); next != space {
			return pos, runEnd(s, i+1, next), true
		}
	}
	if c != space {
		return pos, runEnd(s, i+n, c), true
	}
	// White space: all of it at the end of the text, else all but its last character, which goes with the word.
	last := i
	for i < len(s) {
		if c, n = classAt(s, i); c != space {
			break
		}
		last = i
		i += n
	}
	if i < len(s) && last > pos {
		i = last
	}
	return pos, i, true
}

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the start of s.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if len(s) > 2 && s[2] == 'e' {
			return 3
		}
	case 'l':
		if len(s) > 2 && s[2] == 'l' {
			return 3
		}
	}
	return 0
}

func scanNumber(s string, pos int, more bool) (start, end int, ok bool) {
	for i := pos; i < len(s); {
		c, n := classAt(s, i)
		if c != number {
			i += n
			continue
		}
		if more {
			return i, runEnd(s, i, number), true
		}
		return i, i + n, true
	}
	return 0, 0, false
}
