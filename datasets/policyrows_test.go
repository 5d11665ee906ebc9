package datasets

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmptyAnswers: nothing but the end of an empty answer would be learnt, which is an error unless somebody means it.
func TestEmptyAnswers(t *testing.T) {
	for _, c := range []struct {
		policy string
		turns  []Turn
		want   string // of the error
		counts Counts
	}{
		{"", []Turn{{From: Human, Value: "q"}, {From: GPT, Value: " "}}, "memory:1: turn 1: the answer is empty: nothing but its end would be learnt; on_empty skip", Counts{}},
		{OnSkip, []Turn{{From: Human, Value: "q"}, {From: GPT}}, "", Counts{Samples: 1, Skipped: 1}},
		{OnLearn, []Turn{{From: Human, Value: "q"}, {From: GPT}, {From: Human, Value: "q"}, {From: GPT, Value: "bb"}}, "", Counts{Samples: 2}},
		{"", []Turn{{From: Human, Value: "q"}, {From: GPT, Context: true}, {From: Human, Value: "q"}, {From: GPT, Value: "bb"}}, "", Counts{Samples: 2}},
		{"drop", []Turn{{From: Human, Value: "q"}}, `on_empty "drop", expected one of error, skip, learn`, Counts{}},
	} {
		src := &memory{rows: []Sample{{Turns: []Turn{{From: Human, Value: "q"}, {From: GPT, Value: "aa"}}}, {Turns: c.turns}}}
		var counts Counts
		var failed error
		for b, err := range Load(context.Background(), src, spell{}, LoadOptions{BatchSize: 4, Epochs: 1, InOrder: true, OnEmpty: c.policy}, Position{}) {
			if failed = err; err == nil {
				counts = b.Next.Counts
			}
		}
		if c.want != "" {
			if failed == nil || !strings.Contains(failed.Error(), c.want) {
				t.Errorf("%q: error %v, want %q", c.policy, failed, c.want)
			}
		} else if failed != nil || counts != c.counts {
			t.Errorf("%q: %v, counts %+v, want %+v", c.policy, failed, counts, c.counts)
		}
	}
}

// TestWriteKeepsContext: what is not learnt is not learnt once it has been written either.
func TestWriteKeepsContext(t *testing.T) {
	for _, kind := range []Features{Conversations, Messages} {
		dir := filepath.Join(t.TempDir(), "out")
		if err := WriteArrow(dir, All(mustOpen(t, "testdata/rows/weight_0.arrow")), WriteOptions{Features: kind, Weights: true}); err != nil {
			t.Fatal(err)
		}
		x := at(t, mustOpen(t, dir), 0)
		if len(x.Turns) != 4 || !x.Turns[1].Context || x.Turns[3].Context || x.Turns[0].Context {
			t.Errorf("turns %v", x.Turns)
		}
	}
}

// TestTextsAreUTF8: what is no UTF-8 in a column of Arrow, which checks nothing, is an error that names the key.
func TestTextsAreUTF8(t *testing.T) {
	for _, v := range []any{"he\xc3 \xe9llo", []byte{0xff}} {
		if _, err := asText("content", v); err == nil || !strings.Contains(err.Error(), "content is no valid UTF-8") {
			t.Errorf("%q: error %v", v, err)
		}
	}
}
