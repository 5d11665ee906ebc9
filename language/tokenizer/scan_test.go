package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sugarme/tokenizer/normalizer"
)

// TestScannersMatchTheirExpressions compares what is matched by hand with the regular expressions.
func TestScannersMatchTheirExpressions(t *testing.T) {
	texts := []string{"", " ", "  ", "a", " a", "  a", "a  ", "\n", "\n\n a", "don't we'll 're've'm's'd'll'l 'x ''s'", "x1 22 ３½", "\u00a0 x\u3000y", "\xff\xfe a\xc3",
		"été\u0301 naïve", "今天 123 天气", "a\t\r\n\v\f\u0085b", "!? !?x", "' ", "'", " '", " 's", "'S", "\u2028\u2029x", "a\u200bb", "\U0001f600 \U0001f600"}
	letters := []string{" ", " ", " ", "\n", "\t", "\u00a0", "\u3000", "a", "é", "今", "1", "½", "'", "s", "ll", "re", "!", "-", "\xff", "\u0301", "\U0001f600"}
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		var sb strings.Builder
		for range r.IntN(14) {
			sb.WriteString(letters[r.IntN(len(letters))])
		}
		texts = append(texts, sb.String())
	}
	for expr := range scanners {
		p, err := CompilePattern(expr)
		if err != nil {
			t.Fatal(err)
		}
		plain := *p
		plain.scan = nil
		for _, s := range texts {
			if !slices.EqualFunc(p.FindMatches(s), plain.FindMatches(s), func(x, y normalizer.OffsetsMatch) bool {
				return x.Match == y.Match && slices.Equal(x.Offsets, y.Offsets)
			}) {
				t.Fatalf("%s in %q: found %v, expected %v", expr, s, p.FindMatches(s), plain.FindMatches(s))
			}
			split, want := Split{Pattern: p, Behavior: behaviors["Isolated"]}, Split{Pattern: &plain, Behavior: behaviors["Isolated"]}
			if got, want := split.appendPieces(nil, s), want.appendPieces(nil, s); !slices.Equal(got, want) {
				t.Fatalf("%s splits %q into %q, expected %q", expr, s, got, want)
			}
		}
	}
}

// TestShortWordsMergeAsLongOnes compares the two ways to merge.
func TestShortWordsMergeAsLongOnes(t *testing.T) {
	texts := strings.Repeat("the theme of them then thereon and another mother's bother ", 20)
	raw, err := TrainByteLevelBPE(slices.Values([]string{texts}), 320, nil, AsWritten)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	b := tok.Model()
	r := rand.New(rand.NewPCG(5, 6))
	letters := "thermoandbu'sy"
	for range 3000 {
		word := make([]byte, 2+r.IntN(shortWord-1))
		for i := range word {
			word[i] = letters[r.IntN(len(letters))]
		}
		got, err := b.merge(string(word))
		if err != nil {
			t.Fatal(err)
		}
		row, err := b.letters(string(word))
		if err != nil {
			t.Fatal(err)
		}
		want := b.mergeLong(row)
		if !slices.EqualFunc(got, want, func(x, y symbol) bool { return x.id == y.id && x.bytes == y.bytes }) {
			t.Fatalf("%s: found %v, expected %v", word, got, want)
		}
	}
}
