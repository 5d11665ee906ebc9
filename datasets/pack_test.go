package datasets

import (
	"fmt"
	"strings"
	"testing"
)

// spelt are texts of so many characters.
func spelt(lengths ...int) *memory {
	m := new(memory)
	for _, n := range lengths {
		m.rows = append(m.rows, Sample{Turns: []Turn{{From: Human, Value: "q"}, {From: GPT, Value: strings.Repeat("a", n)}}})
	}
	return m
}

// TestPackFits: each sequence goes into the open batch that it fills best; the fullest goes out when there is no room.
func TestPackFits(t *testing.T) {
	src := spelt(59, 69, 34, 19, 59, 9) // and one token of the question each
	for pack, want := range map[int]string{
		0: "60 | 70 | 35 20 | 60 10",
		1: "60 | 70 | 35 20 | 60 10",
		2: "60 35 | 70 20 10 | 60",
	} {
		var out []string
		for _, b := range collect(t, src, LoadOptions{TokenBudget: 100, Epochs: 1, InOrder: true, Pack: pack}, Position{}, -1) {
			var sizes []string
			for i := range b.Len() {
				sizes = append(sizes, fmt.Sprint(b.Offsets[i+1]-b.Offsets[i]))
			}
			out = append(out, strings.Join(sizes, " "))
		}
		if got := strings.Join(out, " | "); got != want {
			t.Errorf("pack %d: %s, want %s", pack, got, want)
		}
	}
}

// TestPackFills: sequences of many lengths use nearly the whole budget.
func TestPackFills(t *testing.T) {
	var lengths []int
	for i := range 400 {
		lengths = append(lengths, 3+i*i%90)
	}
	used := func(pack int) float64 {
		n, tokens := 0, 0
		for _, b := range collect(t, spelt(lengths...), LoadOptions{TokenBudget: 100, Pack: pack, Epochs: 1, Seed: 3}, Position{}, -1) {
			n, tokens = n+1, tokens+len(b.IDs)
		}
		return float64(tokens) / float64(100*n)
	}
	if a, b := used(0), used(16); a > 0.8 || b < 0.93 {
		t.Errorf("%.3f of the budget is used without packing and %.3f with 16 open batches", a, b)
	}
}

func TestPackRefuses(t *testing.T) {
	src := spelt(5, 5, 5, 5)
	open := func(places ...SamplePlace) Position {
		return Position{Index: 3, Rows: 4, Open: [][]SamplePlace{places}}
	}
	for name, c := range map[string]struct {
		opt  LoadOptions
		from Position
		want string
	}{
		"no budget":    {LoadOptions{BatchSize: 2, Pack: 2}, Position{}, "pack 2 without a token budget"},
		"beyond":       {LoadOptions{TokenBudget: 20, Pack: 2}, open(SamplePlace{Index: 4}), "index 4"},
		"no piece":     {LoadOptions{TokenBudget: 20, Pack: 2}, open(SamplePlace{Index: 1, Piece: 7}), "piece 7"},
		"empty":        {LoadOptions{TokenBudget: 20, Pack: 2}, Position{Index: 3, Rows: 4, Open: [][]SamplePlace{{}}}, "an open batch"},
		"at the start": {LoadOptions{TokenBudget: 20, Pack: 2}, Position{Rows: 4, Open: [][]SamplePlace{{{Index: 1}}}}, "1 open batches"},
		"too many": {LoadOptions{TokenBudget: 20, Pack: 1}, Position{Index: 3, Rows: 4, Open: [][]SamplePlace{{{Index: 1}}, {{Index: 2}}}},
			"2 open batches, the options keep 1"},
	} {
		if _, err := lastError(t, src, spell{}, c.opt, c.from); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
