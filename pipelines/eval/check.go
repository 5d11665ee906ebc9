package eval

import (
	"fmt"
	"slices"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// Check is what Run looks at before anything is asked: whether the options, of which the protocol is filled in, fit the
// suite and the answerer, which need not have its weights. It returns the items that would be asked.
func Check(s *suites.Suite, a Answerer, opt *Options) ([]suites.Item, error) {
	if opt.Protocol.Name == "" {
		p, err := protocols.Named(protocols.Default)
		if err != nil {
			return nil, err
		}
		opt.Protocol = p
	}
	if err := opt.Protocol.Check(); err != nil {
		return nil, err
	}
	if opt.StopEarly && s.Kind != suites.Circular {
		return nil, fmt.Errorf("suite %s is %s: found stop early, expected it with a circular suite only: in others no row decides about another", s.Name, s.Kind)
	}
	items, err := s.Select(opt.Limit, opt.Shard)
	if err != nil {
		return nil, err
	}
	if err := askable(s, a, items, *opt); err != nil {
		return nil, err
	}
	return items, nil
}

// QuestionOf is an item of a suite as it would be asked, with its pictures read.
func QuestionOf(s *suites.Suite, it suites.Item, p protocols.Protocol) (q Question, err error) {
	prompt, pictures, err := p.Ask(it)
	if err != nil {
		return q, err
	}
	q.Prompt, q.Before = prompt, it.Before
	for _, key := range pictures {
		b, err := s.Picture(key)
		if err != nil {
			return q, err
		}
		q.Pictures = append(q.Pictures, b)
	}
	return q, nil
}

// askable makes sure, before anything is asked, that the answerer takes the items, that options have what they need,
// and that the protocol knows how to ask each of them.
func askable(s *suites.Suite, a Answerer, items []suites.Item, opt Options) error {
	if err := takes(a, s, items); err != nil {
		return err
	}
	if err := answersFor(s, items, opt); err != nil {
		return err
	}
	for _, it := range items {
		if _, _, err := opt.Protocol.Ask(it); err != nil {
			return fmt.Errorf("suite %s: %w", s.Name, err)
		}
	}
	return nil
}

// answersFor refuses, before anything is asked, what needs the suite's answers where it has none.
func answersFor(s *suites.Suite, items []suites.Item, opt Options) error {
	if opt.Judge != nil {
		if err := opt.Protocol.MayJudge(); err != nil {
			return fmt.Errorf("suite %s: %w", s.Name, err)
		}
	}
	if slices.ContainsFunc(items, func(it suites.Item) bool { return it.Answer != "" }) {
		return nil
	}
	needs := ""
	switch {
	case opt.Judge != nil:
		needs = "a judge"
	case opt.StopEarly:
		needs = "stop early"
	default:
		return nil
	}
	return fmt.Errorf("suite %s has no answers: found %s, which compares with them; leave it out to write predictions", s.Name, needs)
}

// takes makes sure, before anything is asked, that the answerer takes the items' pictures.
func takes(a Answerer, s *suites.Suite, items []suites.Item) error {
	why := a.TakesPictures()
	for _, it := range items {
		if it.ImageKey != "" && why != nil {
			return fmt.Errorf("suite %s: item %d: %w", s.Name, it.ID, why)
		}
	}
	return nil
}
