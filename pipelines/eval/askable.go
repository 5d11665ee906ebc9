package eval

import (
	"fmt"
	"slices"
)

// askable makes sure, before anything is asked, that the answerer takes the items, that options have what they need,
// and that the protocol knows how to ask each of them.
func (s *Suite) askable(a Answerer, items []Item, opt Options) error {
	if err := takes(a, s, items); err != nil {
		return err
	}
	if err := s.answersFor(items, opt); err != nil {
		return err
	}
	for _, it := range items {
		if _, _, err := opt.Protocol.ask(it); err != nil {
			return fmt.Errorf("suite %s: %w", s.Name, err)
		}
	}
	return nil
}

// answersFor refuses, before anything is asked, what needs the suite's answers where it has none.
func (s *Suite) answersFor(items []Item, opt Options) error {
	if opt.Judge != nil {
		if err := opt.Protocol.mayJudge(); err != nil {
			return fmt.Errorf("suite %s: %w", s.Name, err)
		}
	}
	if slices.ContainsFunc(items, func(it Item) bool { return it.Answer != "" }) {
		return nil
	}
	for what, there := range map[string]bool{"a judge": opt.Judge != nil, "stop early": opt.StopEarly} {
		if there {
			return fmt.Errorf("suite %s has no answers: found %s, which compares with them; leave it out to write predictions", s.Name, what)
		}
	}
	return nil
}

// takes makes sure, before anything is asked, that the answerer takes the items' pictures.
func takes(a Answerer, s *Suite, items []Item) error {
	why := a.TakesPictures()
	for _, it := range items {
		if it.ImageKey != "" && why != nil {
			return fmt.Errorf("suite %s: item %d: %w", s.Name, it.ID, why)
		}
	}
	return nil
}
