package score

import (
	"math"
	"slices"
	"strings"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// question is a group with its answers looked up.
type question struct {
	first      suites.Item
	labelled   bool
	rows       int
	hits       int
	unresolved int
	chance     float64 // sum over rows of 1/options
	extracted  string  // of the first pass
}

func newQuestion(g []suites.Item, byID map[int64]protocols.Verdict) question {
	q := question{first: g[0], labelled: true, rows: len(g), extracted: byID[g[0].ID].Extracted}
	for _, it := range g {
		v := byID[it.ID]
		got := v.Extracted
		q.labelled = q.labelled && it.Answer != ""
		q.chance += 1 / it.OptionCount()
		if got == "" {
			q.unresolved++
		}
		if got != "" && (it.IsOpen() && v.Correct || !it.IsOpen() && got == it.Answer) {
			q.hits++
		}
	}
	return q
}

func tally(qs []question) Tally {
	var t Tally
	var chance, steady float64
	for _, q := range qs {
		if !q.labelled {
			continue
		}
		t.N++
		t.Rows += q.rows
		t.RowHits += Count(q.hits)
		t.Unresolved += Count(q.unresolved)
		if q.hits == q.rows {
			t.Hits++
		}
		chance += q.chance
		steady += 1 / q.first.OptionCount()
	}
	if t.N == 0 {
		t.Circular, t.Low, t.High, t.Vanilla = NotKnown, NotKnown, NotKnown, NotKnown
		return t
	}
	n, rows := float64(t.N), float64(t.Rows)
	t.Circular, t.Vanilla = Share(float64(t.Hits)/n), Share(float64(t.RowHits)/rows)
	t.Chance, t.ChanceSteady = chance/rows, steady/n
	low, high := Wilson(t.Hits, t.N)
	t.Low, t.High = Share(low), Share(high)
	return t
}

// Wilson returns the 95 % score interval of a share of hits in n trials; 0 and 1 when n is 0.
func Wilson(hits, n int) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	const z = 1.959963984540054 // 97.5 % quantile of the normal distribution
	f, m := float64(hits)/float64(n), float64(n)
	mid := f + z*z/(2*m)
	half := z * math.Sqrt(f*(1-f)/m+z*z/(4*m*m))
	return max(0, (mid-half)/(1+z*z/m)), min(1, (mid+half)/(1+z*z/m))
}

func breakdown(qs []question) Breakdown {
	by := func(of func(suites.Item) string) []Bucket {
		var out []Bucket
		if !slices.ContainsFunc(qs, func(q question) bool { return of(q.first) != "" }) {
			return nil
		}
		for _, p := range partition(qs, func(q question) string { return of(q.first) }) {
			out = append(out, Bucket{p.name, tally(p.qs)})
		}
		return out
	}
	return Breakdown{
		Tally:    tally(qs),
		L2:       by(func(it suites.Item) string { return it.L2 }),
		Category: by(func(it suites.Item) string { return it.Category }),
		Comment:  by(func(it suites.Item) string { return it.Comment }),
	}
}

type part struct {
	name string
	qs   []question
}

// partition sorts by full name, as report_acc does before it abbreviates.
func partition(qs []question, of func(question) string) []part {
	m := map[string][]question{}
	for _, q := range qs {
		name := of(q)
		if name == "" {
			name = "none"
		}
		m[name] = append(m[name], q)
	}
	out := make([]part, 0, len(m))
	for name, qs := range m {
		out = append(out, part{name, qs})
	}
	slices.SortFunc(out, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return out
}
