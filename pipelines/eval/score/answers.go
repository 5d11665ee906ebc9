package score

import (
	"fmt"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// OfAnswers is the score of answers that are there already: verdicts as Reread has them, in the suite's items. Items
// without one are left out of the score, with all other passes of their question if the first pass is missing, as
// VLMEvalKit does.
func OfAnswers(s *suites.Suite, p protocols.Protocol, verdicts []protocols.Verdict) (*Result, error) {
	have := make(map[int64]bool, len(verdicts))
	for _, v := range verdicts {
		have[v.ID] = true
	}
	first := map[int64]bool{}
	for _, it := range s.Items {
		if have[it.ID] && (it.Pass == 0 || s.Kind != suites.Circular) {
			first[it.Group] = true
		}
	}
	var items []suites.Item
	missing, headless := 0, 0
	kept := map[int64]bool{}
	for _, it := range s.Items {
		switch {
		case !have[it.ID]:
			missing++
		case !first[it.Group]:
			headless++
		default:
			items, kept[it.ID] = append(items, it), true
		}
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("suite %s: found no answer to any of its %d rows", s.Name, len(s.Items))
	}
	var counted []protocols.Verdict
	for _, v := range verdicts {
		if kept[v.ID] {
			counted = append(counted, v)
		}
	}
	res, err := Of(items, counted)
	if err != nil {
		return nil, err
	}
	res.Protocol = p.Name
	if err := res.finish(s, items); err != nil {
		return nil, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	if missing > 0 {
		res.Notes = append(res.Notes, fmt.Sprintf("%d of %d rows have no answer: they are left out, so that other passes decide their questions alone", missing, len(s.Items)))
	}
	if headless > 0 {
		res.Notes = append(res.Notes, fmt.Sprintf("%d answers are to passes of questions whose first pass has no answer: they are left out, too", headless))
	}
	return res, nil
}
