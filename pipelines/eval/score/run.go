package score

import (
	"fmt"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// Run says how a suite was asked.
type Run struct {
	Protocol  protocols.Protocol
	Model     string       // who answered
	Judge     string       // who read what no rule reads; empty: nobody
	Blank     bool         // every picture was a grey one
	Limit     int          // the first so many questions; 0: all
	Shard     suites.Shard // the part of those
	StopEarly bool         // passes that could not change a circular score were not asked
}

// OfRun is the score of a run over items of a suite; done are its verdicts by item. Items without one were not asked:
// they stand as unread, which a lost question is anyway, and what counts passes is then not known.
func OfRun(s *suites.Suite, run Run, items []suites.Item, done map[int64]protocols.Verdict) (*Result, error) {
	verdicts := make([]protocols.Verdict, len(items))
	for i, it := range items {
		v, asked := done[it.ID]
		if !asked {
			v = protocols.Verdict{ID: it.ID, Group: it.Group, Pass: it.Pass, Rule: protocols.RuleNotAsked, Want: it.Answer, Suite: s.Version,
				Protocol: run.Protocol.Name, Blank: run.Blank, Model: run.Model}
		}
		verdicts[i] = v
	}
	run.Protocol.DrawOptions(items, verdicts)
	res, err := Of(items, verdicts)
	if err != nil {
		return nil, err
	}
	if run.StopEarly {
		res.eachTally((*Tally).forgetPasses)
	}
	res.Protocol, res.Model, res.Judge, res.Blank = run.Protocol.Name, run.Model, run.Judge, run.Blank
	res.Limit, res.Shard, res.StopEarly = run.Limit, run.Shard, run.StopEarly
	if err := res.finish(s, items); err != nil {
		return nil, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	return res, nil
}
