package protocols

import (
	"fmt"
	"math"

	"moslava/pipelines/eval/suites"
)

// Read fills in what follows from the raw answer: Extracted, Rule, Want and Correct.
func (p Protocol) Read(it suites.Item, v *Verdict) error {
	var e Extraction
	if p.Candidates == nil {
		e = p.Extract(it, v.Raw)
	} else {
		best := math.Inf(-1)
		for _, c := range p.Candidates(it) { // the first of equals wins, as Python's max has it
			lp, ok := v.LogProbs[c]
			if !ok || math.IsNaN(lp) || math.IsInf(lp, 0) {
				return fmt.Errorf("item %d: found no finite log-probability of %q, protocol %s needs one", it.ID, c, p.Name)
			}
			if lp > best {
				best, e = lp, Extraction{c, RuleLogit}
			}
		}
	}
	p.Settle(it, v, e)
	return nil
}

// Settle writes an extraction into a verdict: what was read, whether it is right, and its credit.
func (p Protocol) Settle(it suites.Item, v *Verdict, e Extraction) {
	v.Extracted, v.Rule, v.Want, v.Credit = e.Answer, e.Rule, it.Answer, 0
	v.Correct = it.Answer != "" && e.Answer == it.Answer
	if p.Grade != nil && it.Answer != "" && (e.Rule != RuleUnresolved || e.Answer != "") {
		v.Credit = p.Grade(it, e, v.Raw)
		v.Correct = v.Credit >= 1
	}
}

// Reread reads the raw answers of verdicts again under another version of a protocol, without asking the model.
// Verdicts come back in the given order, which is that of random draws; one whose item is not among items is an error.
func Reread(p Protocol, items []suites.Item, verdicts []Verdict) ([]Verdict, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	byID := suites.ByID(items)
	out, order := make([]Verdict, len(verdicts)), make([]suites.Item, len(verdicts))
	for i, v := range verdicts {
		it, ok := byID[v.ID]
		if !ok {
			return nil, fmt.Errorf("verdict %d: no such item", v.ID)
		}
		v.Protocol = p.Name
		if err := p.Read(it, &v); err != nil {
			return nil, err
		}
		out[i], order[i] = v, it
	}
	p.DrawOptions(order, out)
	return out, nil
}

// DrawOptions gives an option to each of the verdicts, in the order of items, for which upstream draws one, if its
// draws can be repeated.
func (p Protocol) DrawOptions(items []suites.Item, verdicts []Verdict) {
	if p.Seed == 0 {
		return
	}
	d := newDraws(p.Seed)
	for i, it := range items {
		if v := &verdicts[i]; v.Rule == RuleRandom && len(it.Choices) > 0 {
			p.Settle(it, v, Extraction{string(it.Choices[d.choice(len(it.Choices))].Letter), RuleRandom})
		}
	}
}
