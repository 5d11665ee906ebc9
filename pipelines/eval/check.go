package eval

import "fmt"

// Check is what Run looks at before anything is asked: whether the options, of which the protocol is filled in, fit the suite and the
// answerer, which need not have its weights. It returns the items that would be asked.
func Check(s *Suite, a Answerer, opt *Options) ([]Item, error) {
	if opt.Protocol.Name == "" {
		p, err := ProtocolNamed(DefaultProtocol)
		if err != nil {
			return nil, err
		}
		opt.Protocol = p
	}
	if err := opt.Protocol.check(); err != nil {
		return nil, err
	}
	if opt.StopEarly && s.Kind != Circular {
		return nil, fmt.Errorf("suite %s is %s: found stop early, expected it with a circular suite only: in others no row decides about another", s.Name, s.Kind)
	}
	items, err := s.Select(opt.Limit, opt.Shard)
	if err != nil {
		return nil, err
	}
	if err := s.askable(a, items, *opt); err != nil {
		return nil, err
	}
	return items, nil
}

// Question is an item as it would be asked, with its pictures read.
func (s *Suite) Question(it Item, p Protocol) (q Question, err error) {
	prompt, pictures, err := p.ask(it)
	if err != nil {
		return q, err
	}
	q.Prompt = prompt
	for _, key := range pictures {
		b, err := s.Picture(key)
		if err != nil {
			return q, err
		}
		q.Pictures = append(q.Pictures, b)
	}
	return q, nil
}
