package tokenizer

import (
	"slices"
	"unicode"
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

// young are combining marks that Unicode had not when the tables of the Rust library (unicode-normalization-alignments) were
// made, found by trying each: for it they are characters like others, which stay where they are.
var young = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x7fd, 0x7fd, 1}, {0x898, 0x89f, 1}, {0x8ca, 0x8d3, 1}, {0x9fe, 0x9fe, 1}, {0xc3c, 0xc3c, 1}, {0xd3b, 0xd3c, 1},
		{0xeba, 0xeba, 1}, {0x1715, 0x1715, 1}, {0x1abf, 0x1ace, 1}, {0x1df6, 0x1dfa, 1}, {0xa82c, 0xa82c, 1},
	},
	R32: []unicode.Range32{
		{0x10d24, 0x10d27, 1}, {0x10eab, 0x10eac, 1}, {0x10efd, 0x10eff, 1}, {0x10f46, 0x10f50, 1}, {0x10f82, 0x10f85, 1}, {0x11070, 0x11070, 1},
		{0x1133b, 0x1133b, 1}, {0x1145e, 0x1145e, 1}, {0x11839, 0x1183a, 1}, {0x1193d, 0x1193e, 1}, {0x11943, 0x11943, 1}, {0x119e0, 0x119e0, 1},
		{0x11a34, 0x11a34, 1}, {0x11a47, 0x11a47, 1}, {0x11a99, 0x11a99, 1}, {0x11d42, 0x11d42, 1}, {0x11d44, 0x11d45, 1}, {0x11d97, 0x11d97, 1},
		{0x11f41, 0x11f42, 1}, {0x16ff0, 0x16ff1, 1}, {0x1e08f, 0x1e08f, 1}, {0x1e130, 0x1e136, 1}, {0x1e2ae, 0x1e2ae, 1}, {0x1e2ec, 0x1e2ef, 1},
		{0x1e4ec, 0x1e4ef, 1},
	},
}

// classOfMark is the canonical combining class of the character r that encoded begins with.
func classOfMark(form norm.Form, r rune, encoded []byte) uint8 {
	class := form.Properties(encoded).CCC()
	if class != 0 && unicode.Is(young, r) {
		return 0
	}
	return class
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
			class := classOfMark(form, r, whole)
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
