package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Options steer a Run. The zero value asks the whole suite under the default protocol and keeps no file.
type Options struct {
	Protocol Protocol // the default one when its Name is empty
	Limit    int      // the first so many questions; 0: all
	Shard    Shard    // a part of those; each shard needs a VerdictsPath of its own
	Blank    bool     // every picture is replaced by a grey one of its size
	Model    string   // names who answers (a checkpoint's digest); verdicts of another are not resumed
	// StopEarly leaves out what cannot change a circular score any more: see undecided. Only a circular suite may have it.
	StopEarly bool
	// Judge reads answers that no rule reads, under protocols that have one; nil: such answers are wrong. It is asked before a verdict is written, and
	// a verdict that it has given stays. When it fails, the run ends with an error and what was answered is kept.
	Judge Judge
	// VerdictsPath is the JSONL file that verdicts are appended to as they come. Rows that have one there are not asked again.
	VerdictsPath string
	// Together is how many prompts go into one call at most, unless a single question has more: it bounds what a kill loses. 0: 64.
	Together int
	// Begin is called once, when it is known how many questions there are and how many an earlier run has finished.
	Begin func(done, total int)
	// Progress is called after each other question with the circular accuracy of those done; it runs on the caller's goroutine.
	Progress func(done, total int, running Share)
}

// Run asks the answerer every selected item, question by question and grouped by picture, and scores the verdicts. On an error,
// cancellation included, the verdicts so far are in the file and the next Run with the same options goes on from there.
func Run(ctx context.Context, s *Suite, a Answerer, opt Options) (*Result, error) {
	items, err := Check(s, a, &opt)
	if err != nil {
		return nil, err
	}
	if opt.Together <= 0 {
		opt.Together = 64
	}
	j, old, err := openJournal(opt.VerdictsPath)
	if err != nil {
		return nil, err
	}
	r := &runner{suite: s, answerer: a, opt: opt, journal: j, total: len(groups(items)), done: make(map[int64]Verdict, len(items))}
	if opt.Judge != nil {
		r.judge = opt.Judge.Name()
	}
	err = r.resume(old)
	if err == nil && r.reread {
		err = j.replace(old)
	}
	if err == nil {
		err = r.judgeOld(ctx, items, old)
	}
	if err == nil {
		err = r.all(ctx, items)
	}
	if err = errors.Join(err, j.close()); err != nil {
		return nil, err
	}
	return r.result(items)
}

// result scores the verdicts on items and says what they are on.
func (r *runner) result(items []Item) (*Result, error) {
	res, err := r.score(items)
	if err != nil {
		return nil, err
	}
	s, opt := r.suite, r.opt
	res.Protocol, res.Blank, res.Model, res.Limit, res.Shard, res.Judge = opt.Protocol.Name, opt.Blank, opt.Model, opt.Limit, opt.Shard, r.judge
	if err := res.finish(s, items); err != nil {
		return nil, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	return res, nil
}

type runner struct {
	suite    *Suite
	answerer Answerer
	opt      Options
	journal  *journal
	judge    string // its name; empty: none
	known    map[int64]Item
	done     map[int64]Verdict
	total    int // questions
	finished int
	labelled int // of the finished ones, those that the suite tells the answer of
	hits     int
	reread   bool // an old verdict has been read otherwise than it says
}

// resume takes over the verdicts of an earlier run after checking that they are on the same thing. What follows from an answer
// is made anew, in old, too.
func (r *runner) resume(old []Verdict) error {
	r.known = itemsByID(r.suite.Items)
	for i, v := range old {
		want := Verdict{Suite: r.suite.Version, Protocol: r.opt.Protocol.Name, Blank: r.opt.Blank, Model: r.opt.Model}
		if v.Suite != want.Suite || v.Protocol != want.Protocol || v.Blank != want.Blank || v.Model != want.Model {
			return fmt.Errorf("%s: found a verdict on item %d by model %q of suite %s, protocol %s, blank %t; expected model %q, suite %s, protocol %s, blank %t: write to another directory, or set this one aside, which --force does",
				r.opt.VerdictsPath, v.ID, v.Model, v.Suite, v.Protocol, v.Blank, want.Model, want.Suite, want.Protocol, want.Blank)
		}
		it, ok := r.known[v.ID]
		if !ok {
			return fmt.Errorf("%s: found a verdict on item %d, which suite %s does not have", r.opt.VerdictsPath, v.ID, r.suite.Name)
		}
		prompt, _, err := r.opt.Protocol.ask(it)
		if err != nil {
			return err
		}
		if v.Prompt != prompt {
			return fmt.Errorf("%s: found a verdict on item %d with another prompt, %.80q, expected %.80q", r.opt.VerdictsPath, v.ID, v.Prompt, prompt)
		}
		if v.Judge != "" && v.Judge != r.judge {
			return fmt.Errorf("%s: found a verdict on item %d by judge %q, expected %s: write to another directory, or set this one aside, which --force does", r.opt.VerdictsPath, v.ID, v.Judge, nameOr(r.judge, "no judge"))
		}
		if err := r.opt.Protocol.reread(it, &v); err != nil {
			return fmt.Errorf("%s: %w", r.opt.VerdictsPath, err)
		}
		was := &old[i]
		r.reread = r.reread || v.Judge != was.Judge || v.Extracted != was.Extracted || v.Rule != was.Rule || v.Want != was.Want || v.Correct != was.Correct || v.Credit != was.Credit
		*was = v
		r.done[v.ID] = v
	}
	return nil
}

func nameOr(name, none string) string {
	if name == "" {
		return none
	}
	return strconv.Quote(name)
}

// all goes through the questions, Options.Together prompts a call, those about the same picture together.
func (r *runner) all(ctx context.Context, items []Item) error {
	r.skip(items)
	var waiting [][]Item
	prompts := 0
	flush := func() error {
		gs := waiting
		waiting, prompts = nil, 0
		if len(gs) == 0 {
			return nil
		}
		return r.questions(ctx, gs)
	}
	for _, gs := range byPicture(items) {
		for _, g := range gs {
			if r.settled(g) {
				continue
			}
			if prompts > 0 && prompts+len(g) > r.opt.Together {
				if err := flush(); err != nil {
					return err
				}
			}
			waiting = append(waiting, g)
			prompts += len(g)
		}
	}
	return flush()
}

// byPicture puts questions about the same pictures together, in the order of their first ones. Those without a
// picture stay alone.
func byPicture(items []Item) (out [][][]Item) {
	at := map[string]int{}
	for _, g := range groups(items) {
		key := strings.Join(g[0].Pictures(), "\x00")
		i, ok := at[key]
		if key == "" || !ok {
			i = len(out)
			at[key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], g)
	}
	return out
}

// skip counts the questions that an earlier run has settled.
func (r *runner) skip(items []Item) {
	for _, g := range groups(items) {
		if r.settled(g) {
			r.count(g)
		}
	}
	if r.opt.Begin != nil {
		r.opt.Begin(r.finished, r.total)
	}
}

// settled says whether nothing of a question has to be asked.
func (r *runner) settled(g []Item) bool { return len(r.missing(g)) == 0 }

// missing is what has to be asked of a question still.
func (r *runner) missing(g []Item) (out []Item) {
	if r.opt.StopEarly && r.lost(g) {
		return nil
	}
	for _, it := range g {
		if _, ok := r.done[it.ID]; !ok {
			out = append(out, it)
		}
	}
	return out
}

// count counts a question as finished.
func (r *runner) count(g []Item) {
	r.finished++
	if slices.ContainsFunc(g, func(it Item) bool { return it.Answer == "" }) {
		return
	}
	r.labelled++
	if !slices.ContainsFunc(g, func(it Item) bool { return !r.done[it.ID].Correct }) {
		r.hits++
	}
}

// questions asks what is missing of some questions and reports progress.
func (r *runner) questions(ctx context.Context, gs [][]Item) error {
	for _, items := range r.rounds(gs) {
		if err := r.round(ctx, items()); err != nil {
			return err
		}
	}
	for _, g := range gs {
		r.count(g)
		if r.opt.Progress != nil {
			r.opt.Progress(r.finished, r.total, r.running())
		}
	}
	return nil
}

// running is the share of hits among the finished questions that have an answer in the suite; NotKnown if none has.
func (r *runner) running() Share {
	if r.labelled == 0 {
		return NotKnown
	}
	return Share(float64(r.hits) / float64(r.labelled))
}

// asked is an item as it is asked.
type asked struct {
	Item
	prompt   string
	pictures []string // keys of those that are shown
}

// round asks items, of which none has a verdict, and writes the verdicts down.
func (r *runner) round(ctx context.Context, missing []Item) error {
	left := make([]asked, len(missing))
	for i, it := range missing {
		prompt, pictures, err := r.opt.Protocol.ask(it)
		if err != nil {
			return err
		}
		left[i] = asked{it, prompt, pictures}
	}
	var fresh []Verdict
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

// ask makes one call and judges its answers.
func (r *runner) ask(ctx context.Context, items []asked) ([]Verdict, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	read := map[string][]byte{}
	p := r.opt.Protocol
	vs, questions := make([]Verdict, len(items)), make([]Question, len(items))
	for i, it := range items {
		questions[i].Prompt = it.prompt
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
		vs[i] = Verdict{ID: it.ID, Group: it.Group, Pass: it.Pass, Split: it.Split, Category: it.Category, L2: it.L2, Comment: it.Comment,
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
		if err := p.judge(it.Item, &vs[i]); err != nil {
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
	if b, err = Blank(b); err != nil {
		return nil, fmt.Errorf("suite %s: item %d: picture %s: %w", r.suite.Name, id, key, err)
	}
	return b, nil
}

func (r *runner) texts(ctx context.Context, questions []Question, vs []Verdict) error {
	opt := AnswerOptions{MaxNewTokens: r.opt.Protocol.MaxNewTokens, Beams: r.opt.Protocol.Beams, Raw: r.opt.Protocol.Raw}
	answers, err := r.answerer.Answer(ctx, questions, opt)
	if err != nil {
		return err
	}
	if len(answers) != len(questions) {
		return fmt.Errorf("found %d answers to %d prompts", len(answers), len(questions))
	}
	for i, a := range answers { // JSON holds no broken UTF-8, so what is judged now and what is read back must be the same text
		vs[i].Raw = strings.ToValidUTF8(a, "\uFFFD")
	}
	return nil
}

func (r *runner) letters(ctx context.Context, questions []Question, letters []string, vs []Verdict) error {
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
