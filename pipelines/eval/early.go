package eval

import "encoding/json"

// RuleNotAsked is the rule of a pass that StopEarly left out. It stands in results only, no verdict file has it.
const RuleNotAsked = "not asked"

// rounds are what is asked of some questions, one call after the other; each is known when those before it are answered.
// Under StopEarly the first pass goes first: a question of which any pass is wrong or cannot be read is not a hit, whatever the
// others are (VLMEvalKit's prefetch_circular_group under exact matching), so the others are asked of the rest alone. They
// go together, because a pass by itself costs the picture and all that passes share once more.
func (r *runner) rounds(gs [][]Item) []func() []Item {
	all := func() (out []Item) {
		for _, g := range gs {
			out = append(out, r.missing(g)...)
		}
		return out
	}
	if !r.opt.StopEarly {
		return []func() []Item{all}
	}
	first := func() (out []Item) {
		for _, g := range gs {
			if m := r.missing(g); len(m) > 0 && m[0].ID == g[0].ID {
				out = append(out, m[0])
			}
		}
		return out
	}
	return []func() []Item{first, all}
}

// lost says whether a question cannot be a hit any more. One without an answer in the suite is nobody's to decide.
func (r *runner) lost(g []Item) bool {
	lost := false
	for _, it := range g {
		if it.Answer == "" {
			return false
		}
		v, asked := r.done[it.ID]
		lost = lost || asked && !v.Correct
	}
	return lost
}

// score counts the verdicts. Passes that were not asked have none: they stand as unread, which a lost question is anyway, and
// what counts passes is then not known.
func (r *runner) score(items []Item) (*Result, error) {
	verdicts := make([]Verdict, len(items))
	for i, it := range items {
		v, asked := r.done[it.ID]
		if !asked {
			v = Verdict{ID: it.ID, Group: it.Group, Pass: it.Pass, Rule: RuleNotAsked, Want: it.Answer, Suite: r.suite.Version,
				Protocol: r.opt.Protocol.Name, Blank: r.opt.Blank, Model: r.opt.Model}
		}
		verdicts[i] = v
	}
	r.opt.Protocol.draw(items, verdicts)
	res, err := Score(items, verdicts)
	if err != nil || !r.opt.StopEarly {
		return res, err
	}
	res.StopEarly = true
	res.eachTally((*Tally).forgetPasses)
	return res, nil
}

// eachTally calls f for every tally of a result.
func (r *Result) eachTally(f func(*Tally)) {
	one := func(b *Breakdown) {
		f(&b.Tally)
		for _, bs := range [][]Bucket{b.L2, b.Category, b.Comment} {
			for i := range bs {
				f(&bs[i].Tally)
			}
		}
	}
	one(&r.Overall)
	for i := range r.Splits {
		one(&r.Splits[i].Breakdown)
	}
}

// forgetPasses marks what depends on every pass having been asked.
func (t *Tally) forgetPasses() { t.RowHits, t.Unresolved, t.Vanilla = NotKnown, NotKnown, NotKnown }

// NotKnown is the value of a Count or a Share that was not measured; JSON has null.
const NotKnown = -1

// Count is a number of passes, or NotKnown.
type Count int

// Share is a fraction, or NotKnown.
type Share float64

// MarshalJSON implements json.Marshaler.
func (c Count) MarshalJSON() ([]byte, error) { return known(int(c), c == NotKnown) }

// MarshalJSON implements json.Marshaler.
func (s Share) MarshalJSON() ([]byte, error) { return known(float64(s), s == NotKnown) }

func known(v any, not bool) ([]byte, error) {
	if not {
		return []byte("null"), nil
	}
	return json.Marshal(v)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Count) UnmarshalJSON(b []byte) error {
	*c = NotKnown
	return unlessNull(b, (*int)(c))
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Share) UnmarshalJSON(b []byte) error {
	*s = NotKnown
	return unlessNull(b, (*float64)(s))
}

func unlessNull(b []byte, to any) error {
	if string(b) == "null" {
		return nil
	}
	return json.Unmarshal(b, to)
}
