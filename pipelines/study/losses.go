package study

import (
	"bytes"
	"fmt"
)

// losses is the table of the loss on the validation share after training, with all of the data. It has no interval: seeds share no samples
// that could be drawn anew, and few seeds are no sample of seeds.
func (s *Summary) losses(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## Loss on the validation share\n\nIn nats a target, after training on all of the data. Each seed holds out samples of its own, the same for all methods: compare differences.\n\n")
	fmt.Fprintf(b, "| method | seeds | mean | deviation | common seeds | minus %s | deviation of that | lower |\n|---|---|---|---|---|---|---|---|\n", s.Study.Baseline)
	for _, g := range s.Groups {
		if g.Fraction != 1 {
			continue
		}
		var own, against []float64
		lower := 0
		base := s.group(s.Study.Baseline, g.Rank, 1)
		for _, c := range g.Cells {
			own = append(own, c.Validation)
			if r := base.seed(c.Seed); r != nil && g.Method != s.Study.Baseline {
				d := c.Validation - r.Validation
				against = append(against, d)
				if d < 0 {
					lower++
				}
			}
		}
		fmt.Fprintf(b, "| %s | %d | %.4f | %.4f |", s.label(g.Method, g.Rank), len(own), mean([][]float64{own}), deviation(own))
		if len(against) == 0 {
			fmt.Fprintf(b, " | | | |\n")
			continue
		}
		fmt.Fprintf(b, " %d | %+.4f | %.4f | %d of %d |\n", len(against), mean([][]float64{against}), deviation(against), lower, len(against))
	}
}

// seed is the group's record of a seed; nil if there is none, or no group.
func (g *Group) seed(seed uint64) *Record {
	if g == nil {
		return nil
	}
	for _, c := range g.Cells {
		if c.Seed == seed {
			return c
		}
	}
	return nil
}

// floor says so if a suite cannot tell methods apart because nobody, or everybody, answers it.
func (s *Summary) floor(b *bytes.Buffer, suite int) {
	for _, at := range []float64{0, 1} {
		same, n := true, 0
		for _, g := range s.Groups {
			if g.Fraction == 1 && suite < len(g.Stats) {
				n++
				same = same && g.Stats[suite].Accuracy.Mean == at
			}
		}
		if same && n > 1 {
			fmt.Fprintf(b, "\n**Every method with every seed is at %g %%: this suite says nothing about them, and the intervals mean nothing.**\n", 100*at)
		}
	}
}
