package eval

import (
	"fmt"
	"slices"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// Join puts the results and verdicts of a suite's shards together: the result is that of one run over everything the
// shards were of. The parts must be by one model, under one protocol, on this version of the suite, with the same
// limit, and be all there, each once; under StopEarly, which must be the same for all, passes that were not asked have
// no verdict.
func Join(s *suites.Suite, parts []*score.Result) (*score.Result, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("suite %s: found no results to join, expected the parts of one run", s.Name)
	}
	first := parts[0]
	count := max(first.Shard.Count, 1)
	seen := make([]bool, count)
	r := &runner{suite: s, done: map[int64]protocols.Verdict{}, opt: Options{Blank: first.Blank, Model: first.Model, Limit: first.Limit, StopEarly: first.StopEarly}}
	r.judge = first.Judge
	protocol, err := protocols.ForSuite(s, first.Protocol)
	if err != nil {
		return nil, err
	}
	r.opt.Protocol = protocol
	for _, p := range parts {
		if p.Version != s.Version {
			return nil, fmt.Errorf("suite %s: found shard %s of version %s, expected %s: the table or the rules have changed", s.Name, p.Shard, p.Version, s.Version)
		}
		if runOf(p) != runOf(first) {
			return nil, fmt.Errorf("suite %s: found shard %s by %s and shard %s by %s, expected parts of one run", s.Name, first.Shard, runOf(first), p.Shard, runOf(p))
		}
		if max(p.Shard.Count, 1) != count || seen[p.Shard.Index] {
			return nil, fmt.Errorf("suite %s: found shard %s beside shard %s, expected each of %d parts once", s.Name, p.Shard, first.Shard, count)
		}
		seen[p.Shard.Index] = true
		r.opt.VerdictsPath = "shard " + p.Shard.String()
		asked := slices.DeleteFunc(slices.Clone(p.Verdicts), func(v protocols.Verdict) bool { return v.Rule == protocols.RuleNotAsked })
		if err := r.resume(asked); err != nil {
			return nil, fmt.Errorf("suite %s: %w", s.Name, err)
		}
	}
	if i := slices.Index(seen, false); i >= 0 {
		return nil, fmt.Errorf("suite %s: found %d of %d shards, %s is missing", s.Name, len(parts), count, suites.Shard{Index: i, Count: count})
	}
	items, err := s.Select(first.Limit, suites.Shard{})
	if err != nil {
		return nil, err
	}
	for _, g := range suites.Groups(items) {
		if m := r.missing(g); len(m) > 0 {
			return nil, fmt.Errorf("suite %s: found no verdict on item %d in any shard, expected one", s.Name, m[0].ID)
		}
	}
	return r.result(items)
}

// runOf is what the parts of a run have in common.
func runOf(r *score.Result) string {
	of := fmt.Sprintf("model %q, protocol %s, blank %t, limit %d, stop early %t", r.Model, r.Protocol, r.Blank, r.Limit, r.StopEarly)
	if r.Judge != "" {
		of += fmt.Sprintf(", judge %q", r.Judge)
	}
	return of
}
