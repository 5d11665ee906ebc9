package tokenizer

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

var trainTexts = []string{
	"the cat sat on the mat", "the dog sat on the log", "a cat and a dog 2024", "<image>\nWhat is this? <image>", "über Straße 日本語 日本",
}

func TestTrainByteLevelBPE(t *testing.T) {
	special := []string{"<|endoftext|>", "<image>"}
	b, err := TrainByteLevelBPE(slices.Values(trainTexts), 300, special, AsWritten)
	if err != nil {
		t.Fatal(err)
	}
	again, err := TrainByteLevelBPE(slices.Values(trainTexts), 300, special, AsWritten)
	if err != nil || !bytes.Equal(b, again) {
		t.Fatalf("two trainings differ (%v)", err)
	}
	tok, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if tok.VocabSize() != 300 {
		t.Errorf("%d tokens, want 300", tok.VocabSize())
	}
	for want, token := range []string{"<|endoftext|>", "<image>", "!", `"`} {
		if id, ok := tok.ID(token); !ok || id != int32(want) {
			t.Errorf("%q has id %d, want %d", token, id, want)
		}
	}
	for i := range int32(2) {
		if !tok.IsSpecial(i) {
			t.Errorf("id %d is not special", i)
		}
	}
	// "at" occurs six times, more often than any other pair; of the four "Ġt"+..., "he" and so on the first in order follows.
	if got := tok.Token(2 + 256); got != "at" {
		t.Errorf("the first merge made %q", got)
	}
	for _, s := range append(trainTexts, "something else: 𝄞 \x00") {
		ids, err := tok.Encode(s, false)
		if err != nil || tok.Decode(ids, false) != s {
			t.Errorf("%q came back as %q (%v)", s, tok.Decode(ids, false), err)
		}
	}
	for id := range int32(300) {
		if token := tok.Token(id); id >= 2 && (strings.Contains(token, "image") || len(token) > 1 && strings.ContainsAny(token, "0123456789")) {
			t.Errorf("token %q was learnt across a special token or from digits", token)
		}
	}
}

// Equally frequent pairs are merged in lexicographic order, whatever the order of the texts.
func TestTrainBreaksTiesByToken(t *testing.T) {
	for _, texts := range [][]string{{"zy", "ab", "cd"}, {"cd", "zy", "ab"}} {
		b, err := TrainByteLevelBPE(slices.Values(texts), 256+9, nil, AsWritten)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if tok.VocabSize() != 259 { // no fourth pair is left
			t.Errorf("%d tokens, want 259", tok.VocabSize())
		}
		for i, want := range []string{"ab", "cd", "zy"} {
			if got := tok.Token(int32(256 + i)); got != want {
				t.Errorf("merge %d made %q, want %q", i, got, want)
			}
		}
	}
}

func TestTrainErrors(t *testing.T) {
	for _, c := range []struct {
		size    int
		special []string
		want    string
	}{
		{256, []string{"<s>"}, "257.."},
		{1 << 30, nil, "expected"},
		{300, []string{"<s>", "<s>"}, "<s>"},
		{300, []string{""}, "content is empty"},
		{300, []string{"a"}, `"a"`},
	} {
		if _, err := TrainByteLevelBPE(slices.Values(trainTexts), c.size, c.special, AsWritten); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %q: error %v, want %s", c.size, c.special, err, c.want)
		}
	}
}
