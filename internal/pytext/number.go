package pytext

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// asciiDigits writes every decimal digit of Unicode as Python's float and int read it.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII || !unicode.IsDigit(r) {
			return r
		}
		for _, b := range unicode.Nd.R16 { // blocks of ten, from a zero on
			if rune(b.Lo) <= r && r <= rune(b.Hi) {
				return '0' + (r-rune(b.Lo))%10
			}
		}
		for _, b := range unicode.Nd.R32 {
			if rune(b.Lo) <= r && r <= rune(b.Hi) {
				return '0' + (r-rune(b.Lo))%10
			}
		}
		return r
	}, s)
}

// ParseFloat is float(s) of Python: spaces around, underscores between digits, inf and nan; no hexadecimal.
func ParseFloat(s string) (float64, bool) {
	s = asciiDigits(strings.TrimFunc(s, IsSpace))
	if s == "" || strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	r := []rune(s)
	for i, c := range r {
		if c == '_' && (i == 0 || i+1 == len(r) || !unicode.IsDigit(r[i-1]) || !unicode.IsDigit(r[i+1])) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// ParseInt is int(s) of Python: spaces around, a sign, underscores between digits.
func ParseInt(s string) (*big.Int, bool) {
	s = asciiDigits(strings.TrimFunc(s, IsSpace))
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || len(digits) > 4300 || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return nil, false
	}
	if strings.ContainsFunc(digits, func(r rune) bool { return r != '_' && (r > unicode.MaxASCII || !unicode.IsDigit(r)) }) {
		return nil, false
	}
	return new(big.Int).SetString(strings.ReplaceAll(s, "_", ""), 10)
}

// Repr is Python's repr of a float, for those that are neither huge nor special.
func Repr(f float64) string {
	if f != 0 && math.Abs(f) < 1e-4 {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
