package score

import (
	"cmp"
	"fmt"
	"slices"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// Of counts verdicts. Items with the same Group are one question, right when all its rows are (VLMEvalKit's
// CircularEval under exact matching); its split, category and so on are those of its first pass. Right means that
// Extracted equals the item's answer. Every item needs exactly one verdict and every verdict an item. Score neither
// reads nor writes anything; Suite, Version, Kind, Protocol, Model, Blank and Shard of the result are left for the
// caller, except for what verdicts tell.
func Of(items []suites.Item, verdicts []protocols.Verdict) (*Result, error) {
	byID := make(map[int64]protocols.Verdict, len(verdicts))
	for _, v := range verdicts {
		if _, twice := byID[v.ID]; twice {
			return nil, fmt.Errorf("found two verdicts on item %d, expected one", v.ID)
		}
		byID[v.ID] = v
	}
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, func(a, b suites.Item) int {
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
	for _, g := range suites.Groups(sorted) {
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
func strangers(items []suites.Item, verdicts []protocols.Verdict) error {
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
