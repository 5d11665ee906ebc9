package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// The byte-level alphabet of GPT-2's bytes_to_unicode: printable Latin-1 bytes stand for themselves, every other
// byte for a letter from U+0100 on, so that any byte string is a string of visible letters.
var (
	byteLetter [256]rune
	letterByte = map[rune]byte{}
)

func init() {
	next := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE) {
			r = next
			next++
		}
		byteLetter[b] = r
		letterByte[r] = byte(b)
	}
}

// toByteLetters spells the bytes of s in the byte-level alphabet.
func toByteLetters(s string) string {
	var sb strings.Builder
	sb.Grow(len(s) + len(s)/2)
	for i := range len(s) {
		sb.WriteRune(byteLetter[s[i]])
	}
	return sb.String()
}

// appendLetterBytes appends the bytes that token spells; a token with a letter outside the alphabet (an added token)
// stands for its own UTF-8 bytes.
func appendLetterBytes(dst []byte, token string) []byte {
	n := len(dst)
	for _, r := range token {
		b, ok := letterByte[r]
		if !ok {
			return append(dst[:n], token...)
		}
		dst = append(dst, b)
	}
	return dst
}

// lossyUTF8 replaces every maximal ill-formed subsequence by one U+FFFD, as Rust's String::from_utf8_lossy does
// (strings.ToValidUTF8 would replace a whole run by one, and ranging over the string every byte).
func lossyUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var sb strings.Builder
	sb.Grow(len(b) + 8)
	for len(b) > 0 {
		if r, n := utf8.DecodeRune(b); r != utf8.RuneError || n > 1 {
			sb.Write(b[:n])
			b = b[n:]
			continue
		}
		sb.WriteRune(utf8.RuneError)
		b = b[illFormedLen(b):]
	}
	return sb.String()
}

// illFormedLen is the length of the maximal ill-formed subsequence at the start of b (Unicode 15, section 3.9).
func illFormedLen(b []byte) int {
	follow, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		follow = 1
	case c >= 0xE0 && c <= 0xEF:
		follow = 2
		switch c {
		case 0xE0:
			low = 0xA0
		case 0xED:
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		follow = 3
		switch c {
		case 0xF0:
			low = 0x90
		case 0xF4:
			high = 0x8F
		}
	}
	n := 1
	for n <= follow && n < len(b) && b[n] >= low && b[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}
