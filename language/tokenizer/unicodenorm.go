package tokenizer

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalForm brings texts to a Unicode normal form. golang.org/x/text does it for texts in "stream-safe" format only: it
// puts U+034F after 30 combining marks, which Unicode's algorithm (UAX #15) and the Rust library do not. Texts that it
// would change go the long way.
func normalForm(form norm.Form) func(string) string {
	compose := form == norm.NFC || form == norm.NFKC
	return func(s string) string {
		if form.IsNormalString(s) {
			return s
		}
		return normalize(s, form, compose)
	}
}

// mark is a character with its canonical combining class.
type mark struct {
	r     rune
	class uint8
}

// normalize decomposes, sorts combining marks, and composes. Bytes that are not UTF-8 stay as they are.
func normalize(s string, form norm.Form, compose bool) string {
	out := make([]byte, 0, len(s)+len(s)/4)
	var run []mark // a starter and what follows it, until it is composed or written
	flush := func() {
		slices.SortStableFunc(run[min(1, leading(run)):], func(a, b mark) int { return int(a.class) - int(b.class) })
		if compose {
			run = composed(run)
		}
		for _, m := range run {
			out = utf8.AppendRune(out, m.r)
		}
		run = run[:0]
	}
	for i := 0; i < len(s); {
		if r, n := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
			flush()
			out = append(out, s[i])
			i++
			continue
		}
		p := form.PropertiesString(s[i:])
		whole := p.Decomposition()
		if whole == nil {
			whole = jamos(s[i : i+p.Size()])
		}
		for len(whole) > 0 {
			r, n := utf8.DecodeRune(whole)
			class := form.Properties(whole).CCC()
			if class == 0 && !(compose && len(run) > 0 && run[0].class == 0 && joins(run, r)) {
				flush()
			}
			run = append(run, mark{r, class})
			whole = whole[n:]
		}
		i += p.Size()
	}
	flush()
	return string(out)
}

// leading is 1 if run begins with a starter.
func leading(run []mark) int {
	if len(run) > 0 && run[0].class == 0 {
		return 1
	}
	return 0
}

// joins reports whether starter r may become one character with the starter before it, which nothing separates from it.
func joins(run []mark, r rune) bool {
	if len(run) > 1 && run[len(run)-1].class != 0 {
		return false
	}
	last := composed(slices.Clone(run))
	if len(last) != 1 {
		return false
	}
	_, ok := pairOf(last[0].r, r)
	return ok
}

// composed puts a starter and the sorted marks behind it together (UAX #15, the canonical composition algorithm).
func composed(run []mark) []mark {
	if leading(run) == 0 {
		return run
	}
	out := run[:1]
	last := uint8(0) // class of the mark before, as far as it stays
	for _, m := range run[1:] {
		if last == 0 && len(out) == 1 || last < m.class && m.class != 0 {
			if r, ok := pairOf(out[0].r, m.r); ok {
				out[0].r = r
				continue
			}
		}
		out = append(out, m)
		last = m.class
	}
	return out
}

// The syllables of Hangul and the letters they are made of (Unicode, section 3.12). The first trail is none.
const (
	hangul, leads, vowels, trails = 0xAC00, 0x1100, 0x1161, 0x11A7
	nLeads, nVowels, nTrails      = 19, 21, 28
)

// jamos are the letters of a syllable of Hangul; another character is returned as it is.
func jamos(char string) []byte {
	r, _ := utf8.DecodeRuneInString(char)
	n := r - hangul
	if n < 0 || n >= nLeads*nVowels*nTrails {
		return []byte(char)
	}
	out := utf8.AppendRune(nil, leads+n/(nVowels*nTrails))
	out = utf8.AppendRune(out, vowels+n/nTrails%nVowels)
	if n%nTrails > 0 {
		out = utf8.AppendRune(out, trails+n%nTrails)
	}
	return out
}

// pairOf is the character that a and b together are the canonical decomposition of.
func pairOf(a, b rune) (rune, bool) {
	switch {
	case a >= leads && a < leads+nLeads && b >= vowels && b < vowels+nVowels:
		return hangul + ((a-leads)*nVowels+(b-vowels))*nTrails, true
	case a >= hangul && a < hangul+nLeads*nVowels*nTrails && (a-hangul)%nTrails == 0 && b > trails && b < trails+nTrails:
		return a + b - trails, true
	}
	var pair [2 * utf8.UTFMax]byte
	both := utf8.AppendRune(utf8.AppendRune(pair[:0], a), b)
	if norm.NFC.IsNormal(both) {
		return 0, false
	}
	one := norm.NFC.Bytes(both)
	r, n := utf8.DecodeRune(one)
	return r, n == len(one)
}
