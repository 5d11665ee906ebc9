// Package suites shows evaluated suites: one HTML page that needs nothing beside it and no script, or Markdown for a
// paper. It takes results and verdicts as they are given to it and has pipelines/eval/score compare
// them. It asks no model and reads no run.
package suites

import (
	"fmt"
	"strconv"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// A Page is a run's evaluations, and with them those of another run where it has been asked the same.
type Page struct {
	Title    string
	Run      string // names the run, and Against the other, empty if there is none
	Against  string
	Notes    []string // about the runs
	Sections []Section
}

// A Section is one suite.
type Section struct {
	Name    string
	Result  *score.Result // with its verdicts
	Against *score.Result // of the other run, nil without one
	Compare *score.Comparison
	Cards   []Card // questions that were missed, or on which the runs differ
	Missed  int    // how many are missed, shown or not
	Notes   []string
}

// A Card is a question with what was answered.
type Card struct {
	ID       int64
	Category string
	Pictures [][]byte // PNG or JPEG, small
	Question string
	Options  []Option // of the pass that is shown
	Passes   string   // how many are right
	Answers  []Answer // of this run and, if there are two, of the other
}

// Option is a choice of the pass that is shown.
type Option struct {
	Letter, Text string
	Want, Picked bool
}

// Answer is what a run answered.
type Answer struct {
	Run     string // empty if there is one run only
	Text    string // the model's own words
	Read    string // what the protocol read out of it, by Rule; empty: nothing
	Rule    string
	Want    string
	Correct bool
}

// NewSection compares two results if there are two; pictures and options come from the suite, which may be nil: cards then have
// the prompt. At most cards questions are shown, from each l2-category about as many.
func NewSection(name string, res, against *score.Result, suite *suites.Suite, cards int) (Section, error) {
	s := Section{Name: name, Result: res, Against: against, Notes: res.Notes}
	questions := score.ByQuestion(res.Verdicts)
	var other map[int64]score.Asked
	if against != nil {
		var err error
		if s.Compare, err = score.Compare(res.Verdicts, against.Verdicts); err != nil {
			return s, fmt.Errorf("suite %s: %w", name, err)
		}
		other = map[int64]score.Asked{}
		for _, q := range score.ByQuestion(against.Verdicts) {
			other[q.First.Group] = q
		}
	}
	var show []score.Asked
	for _, q := range questions {
		if !q.Labelled {
			continue
		}
		if !q.Hit {
			s.Missed++
		}
		if o, ok := other[q.First.Group]; ok && o.Hit != q.Hit || !ok && !q.Hit {
			show = append(show, q)
		}
	}
	deck := newDealer(suite)
	for _, q := range spread(show, cards) {
		var o *score.Asked
		if a, ok := other[q.First.Group]; ok {
			o = &a
		}
		c, err := deck.card(q, o)
		if err != nil {
			return s, fmt.Errorf("suite %s: %w", name, err)
		}
		s.Cards = append(s.Cards, c)
	}
	if suite == nil {
		s.Notes = append(s.Notes, "the suite's table is not where it was, or is another now: questions are shown without pictures")
	}
	return s, nil
}

// spread takes up to n questions, in turn from each l2-category, in the order in which they come.
func spread(qs []score.Asked, n int) []score.Asked {
	var names []string
	by := map[string][]score.Asked{}
	for _, q := range qs {
		if by[q.First.L2] == nil {
			names = append(names, q.First.L2)
		}
		by[q.First.L2] = append(by[q.First.L2], q)
	}
	var out []score.Asked
	for i := 0; len(out) < min(n, len(qs)); i++ {
		for _, name := range names {
			if i < len(by[name]) && len(out) < n {
				out = append(out, by[name][i])
			}
		}
	}
	return out
}

// dealer makes cards.
type dealer struct {
	suite *suites.Suite
	items map[int64]suites.Item
}

func newDealer(s *suites.Suite) dealer {
	d := dealer{suite: s, items: map[int64]suites.Item{}}
	if s != nil {
		for _, it := range s.Items {
			d.items[it.ID] = it
		}
	}
	return d
}

// wrong is the first pass that is not right, or the first of all.
func wrong(q score.Asked) protocols.Verdict {
	for _, v := range q.Passes {
		if !v.Correct {
			return v
		}
	}
	return q.First
}

func (d dealer) card(q score.Asked, other *score.Asked) (Card, error) {
	v := wrong(q)
	name := ""
	if other != nil {
		name = "this"
		if q.Hit { // the pass that the other run has wrong
			for _, p := range q.Passes {
				if p.ID == wrong(*other).ID {
					v = p
				}
			}
		}
	}
	c := Card{ID: v.ID, Category: v.Category, Question: v.Prompt, Answers: []Answer{answer(name, v)}}
	if n := len(q.Passes); n > 1 {
		c.Passes = strconv.Itoa(q.Right) + " of " + strconv.Itoa(n) + " passes right"
	}
	if other != nil {
		for _, p := range other.Passes {
			if p.ID == v.ID {
				c.Answers = append(c.Answers, answer("other", p))
			}
		}
	}
	it, ok := d.items[v.ID]
	if !ok {
		return c, nil
	}
	c.Question = it.Question
	if it.Hint != "" {
		c.Question = it.Hint + "\n" + it.Question
	}
	for _, o := range it.Choices {
		l := string(o.Letter)
		c.Options = append(c.Options, Option{l, o.Text, l == v.Want, l == v.Extracted})
	}
	for _, key := range it.Pictures() {
		full, err := d.suite.Picture(key)
		if err != nil {
			return c, err
		}
		small, err := thumbnail(full)
		if err != nil {
			c.Question = "(a picture cannot be shown: " + err.Error() + ")\n" + c.Question
			continue
		}
		c.Pictures = append(c.Pictures, small)
	}
	return c, nil
}

func answer(run string, v protocols.Verdict) Answer {
	a := Answer{Run: run, Text: v.Raw, Read: v.Extracted, Rule: v.Rule, Want: v.Want, Correct: v.Correct}
	if len(v.LogProbs) > 0 {
		a.Text = v.Extracted
	}
	const longest = 2000 // runes; a verdict file has the whole
	if r := []rune(a.Text); len(r) > longest {
		a.Text = string(r[:longest]) + " […]"
	}
	return a
}
