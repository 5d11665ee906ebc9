package study

import (
	"fmt"
	"slices"
)

// A Summary is what a study shows, so far.
type Summary struct {
	Study           *Study
	Choices         []Choice
	Groups          []Group // fractions falling, then ranks, then methods
	Suites          []string
	Finished, Total int     // cells, those for learning rates included
	Seconds         float64 // training and evaluation of all cells together
}

// A Group is the cells that differ in the seed alone.
type Group struct {
	Method   string
	Rank     int
	Fraction float64
	Rate     float64
	Cells    []*Record // evaluated ones, by seed
	Stats    []Stat    // as many as suites
}

// A Stat is a group's accuracy on one suite.
type Stat struct {
	Suite     string
	Questions int
	ByCell    []float64
	Deviation float64  // over seeds
	Accuracy  Interval // over seeds and questions
	Pairs     int      // seeds that the baseline has, too
	Against   Interval // difference from the baseline, in pairs; zero for the baseline itself
}

// summarise reads the records of all cells.
func (p *plan) summarise() (*Summary, error) {
	cs, err := p.choose()
	if err != nil {
		return nil, err
	}
	sum := &Summary{Study: p.Study, Choices: cs}
	seen := map[string]bool{}
	count := func(c Cell, whole bool) error {
		if c.Rate == 0 {
			sum.Total++ // its learning rate is not chosen yet
			return nil
		}
		rec, err := p.record(c)
		if err != nil {
			return err
		}
		done := rec.Trained() && (!whole || rec.Evaluated())
		if !seen[c.Name()] {
			sum.Total++
			sum.Seconds += rec.Train + rec.Ask
			if done {
				sum.Finished++
			}
		}
		seen[c.Name()] = true
		if whole && done {
			sum.add(rec)
		}
		return nil
	}
	for _, c := range p.mainCells(cs.rate) {
		if err := count(c, true); err != nil {
			return nil, err
		}
	}
	for _, c := range p.tuningCells() {
		if err := count(c, false); err != nil {
			return nil, err
		}
	}
	return sum, sum.compare()
}

// add puts a record into its group, which it makes if need be.
func (s *Summary) add(rec *Record) {
	i := slices.IndexFunc(s.Groups, func(g Group) bool {
		return g.Method == rec.Method && g.Rank == rec.Rank && g.Fraction == rec.Fraction
	})
	if i < 0 {
		i = len(s.Groups)
		s.Groups = append(s.Groups, Group{Method: rec.Method, Rank: rec.Rank, Fraction: rec.Fraction, Rate: rec.Rate})
	}
	s.Groups[i].Cells = append(s.Groups[i].Cells, rec)
}

// compare computes the statistics of all groups.
func (s *Summary) compare() error {
	for i := range s.Groups {
		g := &s.Groups[i]
		base := s.group(s.Study.Baseline, g.Rank, g.Fraction)
		for k := range g.Cells[0].Suites {
			st, err := s.stat(g, base, k)
			if err != nil {
				return err
			}
			g.Stats = append(g.Stats, st)
			if !slices.Contains(s.Suites, st.Suite) {
				s.Suites = append(s.Suites, st.Suite)
			}
		}
	}
	return nil
}

// group is that of a method; nil if it has no finished cell.
func (s *Summary) group(method string, rank int, fraction float64) *Group {
	i := slices.IndexFunc(s.Groups, func(g Group) bool { return g.Method == method && g.Rank == rank && g.Fraction == fraction })
	if i < 0 {
		return nil
	}
	return &s.Groups[i]
}

// stat computes one suite's numbers of a group.
func (s *Summary) stat(g, base *Group, suite int) (Stat, error) {
	first := g.Cells[0].Suites[suite]
	out := Stat{Suite: first.Name, Questions: len(first.IDs)}
	var own, against [][]float64
	for _, c := range g.Cells {
		if len(c.Suites) <= suite {
			return out, fmt.Errorf("study: %s has %d suites, expected more than %d", c.Name(), len(c.Suites), suite)
		}
		q := c.Suites[suite]
		if q.Version != first.Version || !slices.Equal(q.IDs, first.IDs) {
			return out, fmt.Errorf("study: suite %s of %s is another version, or other questions, than that of %s", q.Name, c.Name(), g.Cells[0].Name())
		}
		out.ByCell = append(out.ByCell, q.Accuracy())
		own = append(own, hits(q.Hits))
		if base == nil || base.Method == g.Method {
			continue
		}
		for _, b := range base.Cells {
			if b.Seed != c.Seed {
				continue
			}
			if len(b.Suites) <= suite {
				return out, fmt.Errorf("study: %s has %d suites, expected more than %d", b.Name(), len(b.Suites), suite)
			}
			bq := b.Suites[suite]
			if bq.Version != q.Version || !slices.Equal(bq.IDs, q.IDs) {
				return out, fmt.Errorf("study: suite %s of %s is another version, or other questions, than that of %s", q.Name, c.Name(), b.Name())
			}
			against = append(against, minus(hits(q.Hits), hits(bq.Hits)))
		}
	}
	out.Deviation = deviation(out.ByCell)
	out.Accuracy = s.Study.Bootstrap.resample(own)
	if out.Pairs = len(against); out.Pairs > 0 {
		out.Against = s.Study.Bootstrap.resample(against)
	}
	return out, nil
}

func hits(list []bool) []float64 {
	out := make([]float64, len(list))
	for i, h := range list {
		if h {
			out[i] = 1
		}
	}
	return out
}

func minus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}
