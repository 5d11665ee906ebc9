package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// asked is an item as it is asked.
type asked struct {
	suites.Item
	prompt   string
	pictures []string // keys of those that are shown
}

// round asks items, of which none has a verdict, and writes the verdicts down.
func (r *runner) round(ctx context.Context, missing []suites.Item) error {
	left := make([]asked, len(missing))
	for i, it := range missing {
		prompt, pictures, err := r.opt.Protocol.Ask(it)
		if err != nil {
			return err
		}
		left[i] = asked{it, prompt, pictures}
	}
	var fresh []protocols.Verdict
	for len(left) > 0 {
		first := r.callKey(left[0])
		var same, rest []asked
		for _, it := range left {
			if r.callKey(it) == first {
				same = append(same, it)
			} else {
				rest = append(rest, it)
			}
		}
		vs, err := r.ask(ctx, same)
		if err != nil {
			return err
		}
		fresh, left = append(fresh, vs...), rest
	}
	err := r.judged(ctx, fresh)
	if err = errors.Join(err, r.journal.append(fresh)); err != nil {
		return err
	}
	for _, v := range fresh {
		r.done[v.ID] = v
	}
	return nil
}

// callKey is equal for items that may share a call.
func (r *runner) callKey(it asked) string {
	if r.opt.Protocol.Candidates == nil {
		return ""
	}
	return strings.Join(r.opt.Protocol.Candidates(it.Item), "\x00")
}

// ask makes one call and reads its answers.
func (r *runner) ask(ctx context.Context, items []asked) ([]protocols.Verdict, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	read := map[string][]byte{}
	p := r.opt.Protocol
	vs, questions := make([]protocols.Verdict, len(items)), make([]Question, len(items))
	for i, it := range items {
		questions[i].Prompt, questions[i].Before = it.prompt, it.Before
		for _, key := range it.pictures {
			if read[key] == nil {
				picture, err := r.picture(it.ID, key)
				if err != nil {
					return nil, err
				}
				read[key] = picture
			}
			questions[i].Pictures = append(questions[i].Pictures, read[key])
		}
		vs[i] = protocols.Verdict{ID: it.ID, Group: it.Group, Pass: it.Pass, Split: it.Split, Category: it.Category, L2: it.L2, Comment: it.Comment,
			Prompt: it.prompt, Suite: r.suite.Version, Protocol: p.Name, Blank: r.opt.Blank, Model: r.opt.Model}
	}
	var err error
	if p.Candidates != nil {
		err = r.letters(ctx, questions, p.Candidates(items[0].Item), vs)
	} else {
		err = r.texts(ctx, questions, vs)
	}
	if err != nil {
		blamed := items[0].ID
		if q := (*QuestionError)(nil); errors.As(err, &q) && q.Index < len(items) {
			blamed, err = items[q.Index].ID, q.Err
		}
		return nil, fmt.Errorf("suite %s: item %d: %w", r.suite.Name, blamed, err)
	}
	for i, it := range items {
		if err := p.Read(it.Item, &vs[i]); err != nil {
			return nil, fmt.Errorf("suite %s: %w", r.suite.Name, err)
		}
	}
	return vs, nil
}

// picture reads a picture of an item, or makes the grey one in its place.
func (r *runner) picture(id int64, key string) ([]byte, error) {
	b, err := r.suite.Picture(key)
	if err != nil || !r.opt.Blank {
		return b, err
	}
	if b, err = blank(b); err != nil {
		return nil, fmt.Errorf("suite %s: item %d: picture %s: %w", r.suite.Name, id, key, err)
	}
	return b, nil
}

func (r *runner) texts(ctx context.Context, questions []Question, vs []protocols.Verdict) error {
	opt := AnswerOptions{MaxNewTokens: r.opt.Protocol.MaxNewTokens, Beams: r.opt.Protocol.Beams, Raw: r.opt.Protocol.Raw}
	answers, err := r.answerer.Answer(ctx, questions, opt)
	if err != nil {
		return err
	}
	if len(answers) != len(questions) {
		return fmt.Errorf("found %d answers to %d prompts", len(answers), len(questions))
	}
	for i, a := range answers { // JSON holds no broken UTF-8, so what a rule reads now is what the file will have
		vs[i].Raw = strings.ToValidUTF8(a, "\uFFFD")
	}
	return nil
}

func (r *runner) letters(ctx context.Context, questions []Question, letters []string, vs []protocols.Verdict) error {
	rows, err := r.answerer.Letters(ctx, questions, letters)
	if err != nil {
		return err
	}
	if len(rows) != len(questions) {
		return fmt.Errorf("found log-probabilities for %d of %d prompts", len(rows), len(questions))
	}
	for i, row := range rows {
		if len(row) != len(letters) {
			return fmt.Errorf("found %d log-probabilities for the letters %s", len(row), strings.Join(letters, " "))
		}
		vs[i].LogProbs = make(map[string]float64, len(letters))
		for k, lp := range row {
			if math.IsNaN(lp) || math.IsInf(lp, 0) {
				return fmt.Errorf("found log-probability %v of %q, expected a finite number", lp, letters[k])
			}
			vs[i].LogProbs[letters[k]] = lp
		}
	}
	return nil
}
