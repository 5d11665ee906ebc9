package eval

import (
	"context"
	"errors"
	"slices"
	"strings"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// Options steer a Run. The zero value asks the whole suite under the default protocol and keeps no file.
type Options struct {
	Protocol protocols.Protocol // the default one when its Name is empty
	Limit    int                // the first so many questions; 0: all
	Shard    suites.Shard       // a part of those; each shard needs a VerdictsPath of its own
	Blank    bool               // every picture is replaced by a grey one of its size
	Model    string             // names who answers (a checkpoint's digest); verdicts of another are not resumed
	// StopEarly leaves out passes that cannot change a circular score any more. Only a circular suite may have it.
	StopEarly bool
	// Judge reads answers that no rule reads, under protocols that have one; nil: such answers are wrong. It is asked
	// before a verdict is written, and a verdict that it has given stays. When it fails, the run ends with an error and
	// what was answered is kept.
	Judge Judge
	// VerdictsPath is the JSONL file that verdicts are appended to as they come. Rows that have one there are not asked
	// again.
	VerdictsPath string
	// Together is how many prompts go into one call at most, unless a single question has more: it bounds what a kill
	// loses. 0: 64.
	Together int
	// Begin is called once, when it is known how many questions there are and how many an earlier run has finished.
	Begin func(done, total int)
	// Progress is called after each other question with the circular accuracy of those done; it runs on the caller's
	// goroutine.
	Progress func(done, total int, running score.Share)
}

// Run asks the answerer every selected item, question by question and grouped by picture, and scores the verdicts. On
// an error, cancellation included, the verdicts so far are in the file and the next Run with the same options goes on
// from there.
func Run(ctx context.Context, s *suites.Suite, a Answerer, opt Options) (*score.Result, error) {
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
	r := &runner{suite: s, answerer: a, opt: opt, journal: j, total: len(suites.Groups(items)), done: make(map[int64]protocols.Verdict, len(items))}
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

type runner struct {
	suite    *suites.Suite
	answerer Answerer
	opt      Options
	journal  *journal
	judge    string // its name; empty: none
	known    map[int64]suites.Item
	done     map[int64]protocols.Verdict
	total    int // questions
	finished int
	labelled int // of the finished ones, those that the suite tells the answer of
	hits     int
	reread   bool // an old verdict has been read otherwise than it says
}

// all goes through the questions, Options.Together prompts a call, those about the same picture together.
func (r *runner) all(ctx context.Context, items []suites.Item) error {
	r.skip(items)
	var waiting [][]suites.Item
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
func byPicture(items []suites.Item) (out [][][]suites.Item) {
	at := map[string]int{}
	for _, g := range suites.Groups(items) {
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
func (r *runner) skip(items []suites.Item) {
	for _, g := range suites.Groups(items) {
		if r.settled(g) {
			r.count(g)
		}
	}
	if r.opt.Begin != nil {
		r.opt.Begin(r.finished, r.total)
	}
}

// count counts a question as finished.
func (r *runner) count(g []suites.Item) {
	r.finished++
	if slices.ContainsFunc(g, func(it suites.Item) bool { return it.Answer == "" }) {
		return
	}
	r.labelled++
	if !slices.ContainsFunc(g, func(it suites.Item) bool { return !r.done[it.ID].Correct }) {
		r.hits++
	}
}

// questions asks what is missing of some questions and reports progress.
func (r *runner) questions(ctx context.Context, gs [][]suites.Item) error {
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
func (r *runner) running() score.Share {
	if r.labelled == 0 {
		return score.NotKnown
	}
	return score.Share(float64(r.hits) / float64(r.labelled))
}

// result scores the verdicts on items.
func (r *runner) result(items []suites.Item) (*score.Result, error) {
	opt := r.opt
	run := score.Run{Protocol: opt.Protocol, Model: opt.Model, Judge: r.judge, Blank: opt.Blank, Limit: opt.Limit, Shard: opt.Shard, StopEarly: opt.StopEarly}
	return score.OfRun(r.suite, run, items, r.done)
}
