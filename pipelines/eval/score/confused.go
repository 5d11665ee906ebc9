package score

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// Confusion counts questions to which one answer is right and another was given.
type Confusion struct {
	Want string `json:"want"`
	Read string `json:"read"` // what the protocol read; empty: nothing
	N    int    `json:"n"`
}

// mostConfused is how many confusions a result has.
const mostConfused = 10

// confusions are the most frequent ones, of yes/no questions and of a person's own; nil for other suites. Answers that differ in case or
// white space are one, spelt as the first.
func (r *Result) confusions(s *suites.Suite) []Confusion {
	if s.Family != suites.Own && s.Kind != suites.YesNo && s.Kind != suites.YesNoPairs {
		return nil
	}
	spelt := map[string]string{}
	as := func(text string) string {
		key := pytext.Lower(strings.TrimSpace(text))
		if _, seen := spelt[key]; !seen {
			spelt[key] = text
		}
		return spelt[key]
	}
	count := map[Confusion]int{}
	for _, v := range r.Verdicts {
		if v.Want != "" && !v.Correct {
			count[Confusion{Want: as(v.Want), Read: as(v.Extracted)}]++
		}
	}
	var out []Confusion
	for c, n := range count {
		c.N = n
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Confusion) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Want, b.Want), cmp.Compare(a.Read, b.Read))
	})
	return out[:min(len(out), mostConfused)]
}

// Text is Line, and below it what was confused most often.
func (r *Result) Text() string {
	var b strings.Builder
	b.WriteString(r.Line())
	for i, c := range r.Confused {
		if i == 0 {
			b.WriteString("\nmost confused (right -> answered):")
		}
		read := quoted(c.Read)
		if c.Read == "" {
			read = "nothing that was read"
		}
		fmt.Fprintf(&b, "\n  %5d  %s -> %s", c.N, quoted(c.Want), read)
	}
	return b.String()
}

// quoted is a text for a line, cut where it is long.
func quoted(text string) string {
	const longest = 60 // runes
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "..."
	}
	return fmt.Sprintf("%q", text)
}
