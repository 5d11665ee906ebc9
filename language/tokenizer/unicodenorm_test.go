package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

var forms = map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}

// On texts with few combining marks, what is done here is what golang.org/x/text does.
func TestNormalFormsOfShortRuns(t *testing.T) {
	ranges := [][2]rune{{'A', 'z'}, {0xC0, 0x250}, {0x300, 0x345}, {0x370, 0x400}, {0x900, 0x980}, {0x1100, 0x1200}, {0x1E00, 0x2000}, {0xAC00, 0xAC40}, {0xF900, 0xFB50}, {0x1D15E, 0x1D1C0}}
	r := rand.New(rand.NewPCG(1, 2))
	for name, form := range forms {
		for range 20_000 {
			var sb strings.Builder
			for range 1 + r.IntN(8) {
				from := ranges[r.IntN(len(ranges))]
				sb.WriteRune(from[0] + r.Int32N(from[1]-from[0]))
			}
			s := sb.String()
			if got, want := normalize(s, form, form == norm.NFC || form == norm.NFKC), form.String(s); got != want {
				t.Fatalf("%s of %+q: %+q, want %+q", name, s, got, want)
			}
		}
	}
}

// Nothing is put between many combining marks.
func TestNormalFormsOfLongRuns(t *testing.T) {
	marks := strings.Repeat("\u0316\u0301", 40)
	for name, want := range map[string]string{
		"NFC":  "á" + strings.Repeat("\u0316", 40) + strings.Repeat("\u0301", 39),
		"NFD":  "a" + strings.Repeat("\u0316", 40) + strings.Repeat("\u0301", 40),
		"NFKC": "á" + strings.Repeat("\u0316", 40) + strings.Repeat("\u0301", 39),
	} {
		if got := normalForm(forms[name])("a" + marks); got != want {
			t.Errorf("%s: %+q", name, got)
		}
	}
	if got := normalForm(norm.NFC)("e\u0301\xff\u0301"); got != "é\xff\u0301" {
		t.Errorf("with a byte that is not UTF-8: %+q", got)
	}
}
