package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Tally counts the questions of one bucket that have an answer in the suite. Accuracies are fractions; they are
// NotKnown when N is 0.
type Tally struct {
	N            int     `json:"n"`             // questions
	Rows         int     `json:"rows"`          // their passes
	Hits         int     `json:"hits"`          // questions with every pass right
	RowHits      Count   `json:"row_hits"`      // passes right
	Unresolved   Count   `json:"unresolved"`    // passes from which no rule read an answer; they count as wrong
	Circular     Share   `json:"circular"`      // Hits / N
	Low          Share   `json:"low"`           // Wilson 95 % interval of Circular
	High         Share   `json:"high"`          //
	Vanilla      Share   `json:"vanilla"`       // RowHits / Rows
	Chance       float64 `json:"chance"`        // mean of 1/options over rows: vanilla accuracy of any blind guesser on average
	ChanceSteady float64 `json:"chance_steady"` // mean of 1/options over questions: circular accuracy of a blind guesser that sticks to an option's text
}

// Bucket is a tally with a name.
type Bucket struct {
	Name string `json:"name"`
	Tally
}

// Breakdown is a tally and its parts, sorted by name.
type Breakdown struct {
	Tally
	L2       []Bucket `json:"l2,omitempty"`
	Category []Bucket `json:"category,omitempty"`
	Comment  []Bucket `json:"comment,omitempty"`
}

// SplitBreakdown is the breakdown of one split.
type SplitBreakdown struct {
	Name string `json:"name"`
	Breakdown
}

// YesNoRow is a line of VLMEvalKit's POPE table, as fractions. An answer that is neither counts as No in precision, recall and
// F1, and as wrong in accuracy.
type YesNoRow struct {
	Name      string  `json:"name"` // Overall, or a category; a row with categories "a,b" counts in both, and twice in Overall
	N         int     `json:"n"`
	Accuracy  float64 `json:"accuracy"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	YesRatio  float64 `json:"yes_ratio"` // of the extracted answers
}

// Result is a suite's score. Buckets without a name in the suite are called "none"; a field the suite has for no item has no buckets.
type Result struct {
	Suite      string           `json:"suite"`
	Version    string           `json:"version"`
	Table      string           `json:"table,omitempty"`  // the suite's file, for who wants its pictures
	Images     []string         `json:"images,omitempty"` // the directories of its pictures, where they are files
	Kind       Kind             `json:"kind"`
	Protocol   string           `json:"protocol"`
	Model      string           `json:"model,omitempty"`
	Judge      string           `json:"judge,omitempty"`  // who was asked what no rule reads
	Judged     int              `json:"judged,omitempty"` // answers it has read
	Blank      bool             `json:"blank,omitempty"`
	Limit      int              `json:"limit,omitempty"`
	Shard      Shard            `json:"shard,omitzero"`
	StopEarly  bool             `json:"stop_early,omitempty"` // decided questions were not asked in full: what counts passes is not known
	Notes      []string         `json:"notes,omitempty"`
	Unlabelled int              `json:"unlabelled,omitempty"` // questions without an answer in the suite; they are in no tally, and a bucket of them alone has N 0
	Overall    Breakdown        `json:"overall"`
	Splits     []SplitBreakdown `json:"splits"`
	YesNo      []YesNoRow       `json:"yesno,omitempty"`
	Sheet      *Sheet           `json:"sheet,omitempty"`         // the benchmark's own report, where it is not one of these tallies
	Drawn      int              `json:"drawn,omitempty"`         // answers without an option, for which upstream draws one at random
	DrawnHits  int              `json:"drawn_hits,omitempty"`    // of which the draw was right; they are among the hits
	Sum        string           `json:"record_sha256,omitempty"` // of the file's record without it; results of earlier versions have none
	Verdicts   []Verdict        `json:"-"`                       // in the order of the items
}

// Score counts verdicts. Items with the same Group are one question, right when all its rows are (VLMEvalKit's CircularEval
// under exact matching); its split, category and so on are those of its first pass. Right means that Extracted equals
// the item's answer. Every item needs exactly one verdict and every verdict an item. Score neither reads nor writes anything;
// Suite, Version, Kind, Protocol, Model, Blank and Shard of the result are left for the caller, except for what verdicts tell.
func Score(items []Item, verdicts []Verdict) (*Result, error) {
	byID := make(map[int64]Verdict, len(verdicts))
	for _, v := range verdicts {
		if _, twice := byID[v.ID]; twice {
			return nil, fmt.Errorf("found two verdicts on item %d, expected one", v.ID)
		}
		byID[v.ID] = v
	}
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, func(a, b Item) int {
		if a.Group != b.Group {
			return cmp.Compare(a.Group, b.Group)
		}
		return cmp.Compare(a.Pass, b.Pass)
	})
	for _, it := range sorted {
		if _, ok := byID[it.ID]; !ok {
			return nil, fmt.Errorf("found %d verdicts on %d items, item %d has none", len(verdicts), len(items), it.ID)
		}
	}
	if len(byID) != len(items) {
		return nil, strangers(items, verdicts)
	}
	res := &Result{}
	if len(verdicts) > 0 {
		v := verdicts[0]
		res.Version, res.Protocol, res.Blank, res.Model = v.Suite, v.Protocol, v.Blank, v.Model
	}
	for _, it := range items {
		res.Verdicts = append(res.Verdicts, byID[it.ID])
	}
	var qs []question
	for _, g := range groups(sorted) {
		q := newQuestion(g, byID)
		if !q.labelled {
			res.Unlabelled++
		}
		qs = append(qs, q)
	}
	res.Overall = breakdown(qs)
	for _, p := range partition(qs, func(q question) string { return q.first.Split }) {
		res.Splits = append(res.Splits, SplitBreakdown{p.name, breakdown(p.qs)})
	}
	res.YesNo = yesNoTable(qs)
	return res, nil
}

// strangers names the first verdict that has no item.
func strangers(items []Item, verdicts []Verdict) error {
	known := make(map[int64]bool, len(items))
	for _, it := range items {
		if known[it.ID] {
			return fmt.Errorf("found item %d twice", it.ID)
		}
		known[it.ID] = true
	}
	for _, v := range verdicts {
		if !known[v.ID] {
			return fmt.Errorf("found a verdict on item %d, which is not among the %d items", v.ID, len(items))
		}
	}
	return nil
}

// question is a group with its answers looked up.
type question struct {
	first      Item
	labelled   bool
	rows       int
	hits       int
	unresolved int
	chance     float64 // sum over rows of 1/options
	extracted  string  // of the first pass
}

func newQuestion(g []Item, byID map[int64]Verdict) question {
	q := question{first: g[0], labelled: true, rows: len(g), extracted: byID[g[0].ID].Extracted}
	for _, it := range g {
		v := byID[it.ID]
		got := v.Extracted
		q.labelled = q.labelled && it.Answer != ""
		q.chance += 1 / it.options()
		if got == "" {
			q.unresolved++
		}
		if got != "" && (it.open() && v.Correct || !it.open() && got == it.Answer) {
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
		steady += 1 / q.first.options()
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
	by := func(of func(Item) string) []Bucket {
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
		L2:       by(func(it Item) string { return it.L2 }),
		Category: by(func(it Item) string { return it.Category }),
		Comment:  by(func(it Item) string { return it.Comment }),
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

// yesNoTable is POPE_rating of VLMEvalKit vlmeval/evaluate/yes_or_no.py; nil unless all questions are yes/no.
func yesNoTable(qs []question) []YesNoRow {
	qs = slices.DeleteFunc(slices.Clone(qs), func(q question) bool { return !q.labelled })
	if len(qs) == 0 || slices.ContainsFunc(qs, func(q question) bool { return len(q.first.Choices) > 0 || q.first.open() }) {
		return nil
	}
	var exploded []question
	for _, q := range qs {
		for _, c := range strings.Split(q.first.Category, ",") {
			one := q
			one.first.Category = c
			exploded = append(exploded, one)
		}
	}
	out := []YesNoRow{yesNoRow("Overall", exploded)}
	for _, p := range partition(exploded, func(q question) string { return q.first.Category }) {
		out = append(out, yesNoRow(p.name, p.qs))
	}
	return out
}

func yesNoRow(name string, qs []question) YesNoRow {
	var right, tp, fp, fn int
	for _, q := range qs {
		yes, said := q.first.Answer == "Yes", q.extracted == "Yes"
		switch {
		case yes && said:
			tp++
		case said:
			fp++
		case yes:
			fn++
		}
		if q.extracted == q.first.Answer {
			right++
		}
	}
	r := YesNoRow{Name: name, N: len(qs), Accuracy: float64(right) / float64(len(qs)), YesRatio: float64(tp+fp) / float64(len(qs))}
	if tp > 0 {
		r.Precision, r.Recall = float64(tp)/float64(tp+fp), float64(tp)/float64(tp+fn)
		r.F1 = 2 * (r.Precision * r.Recall) / (r.Precision + r.Recall)
	}
	return r
}
