package score

import (
	"fmt"
	"slices"
	"strings"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// SheetRow is a line of a benchmark's own score sheet.
type SheetRow struct {
	Name  string  `json:"name"`
	N     int     `json:"n"`     // questions; pictures for MME's acc+
	Value float64 `json:"value"` // in the sheet's unit
}

// Sheet is what a benchmark's own tool reports, beside the tallies that every suite has.
type Sheet struct {
	Metric string     `json:"metric"` // what the values are
	Rows   []SheetRow `json:"rows"`   // the whole first
}

// Value is that of the row with that name.
func (s *Sheet) Value(name string) (float64, bool) {
	for _, r := range s.Rows {
		if r.Name == name {
			return r.Value, true
		}
	}
	return 0, false
}

// finish adds to a score what the suite's family reports, and counts random draws.
func (r *Result) finish(s *suites.Suite, items []suites.Item) error {
	r.Suite, r.Version, r.Kind, r.Notes = s.Name, s.Version, s.Kind, slices.Clone(s.Notes)
	byID := make(map[int64]protocols.Verdict, len(r.Verdicts))
	for _, v := range r.Verdicts {
		byID[v.ID] = v
		if v.Judge != "" {
			r.Judged++
		}
		if v.Rule == protocols.RuleRandom {
			r.Drawn++
			if v.Correct {
				r.DrawnHits++
			}
		}
	}
	r.Confused = r.confusions(s)
	labelled := slices.DeleteFunc(slices.Clone(items), func(it suites.Item) bool { return it.Answer == "" })
	if len(labelled) == 0 {
		return nil
	}
	var err error
	switch {
	case s.Family == suites.Own:
		if r.Protocol == protocols.ANLS || r.Protocol == protocols.F1 { // others give whole points
			r.Sheet = meanSheet(r.Protocol, labelled, func(it suites.Item) float64 { return byID[it.ID].Credit }, func(it suites.Item) []string { return named(it.Category) })
		}
	case s.Kind == suites.Open:
		r.Sheet = meanSheet("vqa score", labelled, func(it suites.Item) float64 { return byID[it.ID].Credit }, func(it suites.Item) []string { return named(it.Category) })
	case s.Kind == suites.YesNoPairs:
		if r.Sheet, err = mmeSheet(labelled, byID); err != nil && (r.Limit > 0 || r.Shard.Count > 1) {
			r.Notes, err = append(r.Notes, "no sheet, because a part of the suite was asked: "+err.Error()), nil
		}
	case s.Family == suites.MMMU:
		r.Sheet = mmmuSheet(labelled, byID)
	case s.Family == suites.MathVista:
		r.Sheet = meanSheet("accuracy", labelled, func(it suites.Item) float64 { return right(byID[it.ID]) },
			func(it suites.Item) []string { return append(named(it.Category), it.Topics...) })
	}
	return err
}

func right(v protocols.Verdict) float64 {
	if v.Correct {
		return 1
	}
	return 0
}

func named(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// meanSheet has the mean of all and of each bucket, sorted by name. Sums go in the items' order.
func meanSheet(metric string, items []suites.Item, of func(suites.Item) float64, buckets func(suites.Item) []string) *Sheet {
	type sum struct {
		n     int
		total float64
	}
	all, by := sum{}, map[string]sum{}
	for _, it := range items {
		v := of(it)
		all = sum{all.n + 1, all.total + v}
		for _, b := range buckets(it) {
			by[b] = sum{by[b].n + 1, by[b].total + v}
		}
	}
	sheet := &Sheet{Metric: metric, Rows: []SheetRow{{"Overall", all.n, all.total / float64(all.n)}}}
	var names []string
	for n := range by {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		sheet.Rows = append(sheet.Rows, SheetRow{n, by[n].n, by[n].total / float64(by[n].n)})
	}
	return sheet
}

// mmeParts are MME's two halves with their categories (MME_rating of VLMEvalKit vlmeval/dataset/utils/yorn.py, which
// says reasoning for cognition).
var mmeParts = []struct {
	name       string
	categories []string
}{
	{"perception", []string{"OCR", "artwork", "celebrity", "color", "count", "existence", "landmark", "position", "posters", "scene"}},
	{"cognition", []string{"code_reasoning", "commonsense_reasoning", "numerical_calculation", "text_translation"}},
}

// mmeSheet is MME_rating: per category 100 times the share of right answers plus 100 times the share of pictures with
// both right; the halves are sums. A picture with other than two questions is an error, as in lmms-eval; a category MME
// does not have is counted in neither half.
func mmeSheet(items []suites.Item, byID map[int64]protocols.Verdict) (*Sheet, error) {
	type category struct{ rows, hits, pairs, both int }
	by, pairs := map[string]category{}, map[string][]suites.Item{}
	var order []string
	for _, it := range items {
		key := it.Category + "\x00" + it.Pair
		if _, seen := pairs[key]; !seen {
			order = append(order, key)
		}
		pairs[key] = append(pairs[key], it)
	}
	for _, key := range order {
		p := pairs[key]
		if len(p) != 2 {
			return nil, fmt.Errorf("found %d answered questions about picture %q in category %q (item %d), expected two: MME counts pairs", len(p), p[0].Pair, p[0].Category, p[0].ID)
		}
		c := by[p[0].Category]
		first, second := byID[p[0].ID].Correct, byID[p[1].ID].Correct
		c.rows, c.pairs = c.rows+2, c.pairs+1
		for _, right := range []bool{first, second} {
			if right {
				c.hits++
			}
		}
		if first && second {
			c.both++
		}
		by[p[0].Category] = c
	}
	value := func(c category) float64 {
		return float64(c.hits)/float64(c.rows)*100 + float64(c.both)/float64(c.pairs)*100
	}
	sheet := &Sheet{Metric: "acc + acc+, each in per cent"}
	listed := map[string]bool{}
	var rows []SheetRow
	for _, part := range mmeParts {
		sum, n := 0.0, 0
		for _, name := range part.categories {
			listed[name] = true
			if c, ok := by[name]; ok {
				sum += value(c)
				n += c.rows
				rows = append(rows, SheetRow{name, c.rows, value(c)})
			}
		}
		sheet.Rows = append(sheet.Rows, SheetRow{part.name, n, sum})
	}
	var others []string
	for name := range by {
		if !listed[name] {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		rows = append(rows, SheetRow{name, by[name].rows, value(by[name])})
	}
	sheet.Rows = append(sheet.Rows, rows...)
	return sheet, nil
}

// mmmuSheet is the table of MMMU's main_eval_only.py: disciplines, their subjects, the whole; what is in neither comes last.
func mmmuSheet(items []suites.Item, byID map[int64]protocols.Verdict) *Sheet {
	type count struct{ n, right int }
	all, subjects := count{}, map[string]count{}
	for _, it := range items {
		c := subjects[it.Category]
		c.n, all.n = c.n+1, all.n+1
		if byID[it.ID].Correct {
			c.right, all.right = c.right+1, all.right+1
		}
		subjects[it.Category] = c
	}
	row := func(name string, c count) SheetRow { return SheetRow{name, c.n, float64(c.right) / float64(c.n)} }
	sheet := &Sheet{Metric: "accuracy", Rows: []SheetRow{row("Overall", all)}}
	for _, d := range suites.MMMUDisciplines {
		var whole count
		var rows []SheetRow
		for _, s := range d.Subjects {
			for _, name := range []string{s, strings.ReplaceAll(s, "_", " ")} {
				if c, ok := subjects[name]; ok {
					whole = count{whole.n + c.n, whole.right + c.right}
					rows = append(rows, row(name, c))
					delete(subjects, name)
				}
				if !strings.Contains(s, "_") {
					break
				}
			}
		}
		if whole.n > 0 {
			sheet.Rows = append(append(sheet.Rows, row("Overall-"+d.Name, whole)), rows...)
		}
	}
	var rest []string
	for name := range subjects {
		rest = append(rest, name)
	}
	slices.Sort(rest)
	for _, name := range rest {
		sheet.Rows = append(sheet.Rows, row(name, subjects[name]))
	}
	return sheet
}
