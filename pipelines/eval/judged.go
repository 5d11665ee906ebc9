package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// Judge is a model that matches an answer with the options, as VLMEvalKit's judges do.
type Judge interface {
	// Ask returns the reply to a prompt. Everything but a reply is an error.
	Ask(ctx context.Context, prompt string) (string, error)
	// Name stands in verdicts and results.
	Name() string
}

// judgeTries is how often upstream asks until it can read the reply.
const judgeTries = 3

// AskJudge has a judge read those verdicts that no rule could, and settles them. Only protocols that use a judge may
// have one. As upstream, a question that another pass has lost already is not asked about. Every failure is an error,
// and so is a reply that is unreadable three times, for which upstream draws an option at random; verdicts that were
// settled before it are.
func AskJudge(ctx context.Context, j Judge, p protocols.Protocol, items []suites.Item, verdicts []protocols.Verdict) error {
	return askJudge(ctx, j, p, suites.ByID(items), verdicts)
}

func askJudge(ctx context.Context, j Judge, p protocols.Protocol, byID map[int64]suites.Item, verdicts []protocols.Verdict) error {
	if err := p.MayJudge(); err != nil {
		return err
	}
	lost := map[int64]bool{}
	for _, v := range verdicts {
		if v.Extracted != "" && !v.Correct {
			lost[v.Group] = true
		}
	}
	for i := range verdicts {
		v := &verdicts[i]
		it := byID[v.ID]
		if v.Rule != protocols.RuleUnresolved || it.Answer == "" || lost[v.Group] {
			continue
		}
		e, err := askOne(ctx, j, p, it, v.Raw)
		if err != nil {
			return fmt.Errorf("item %s: %w", it.NameOrID(), err)
		}
		v.Judge = j.Name()
		if p.Settle(it, v, e); !v.Correct {
			lost[v.Group] = true
		}
	}
	return nil
}

// judged has the run's judge, if there is one, read those of the verdicts that no rule could, beside the other passes
// that were answered before. On an error, verdicts that were settled before it are.
func (r *runner) judged(ctx context.Context, vs []protocols.Verdict) error {
	if r.opt.Judge == nil || len(vs) == 0 {
		return nil
	}
	own, groups := map[int64]bool{}, map[int64]bool{}
	for _, v := range vs {
		own[v.ID], groups[v.Group] = true, true
	}
	all := slices.Clone(vs)
	for _, v := range r.done {
		if groups[v.Group] && !own[v.ID] {
			all = append(all, v)
		}
	}
	err := askJudge(ctx, r.opt.Judge, r.opt.Protocol, r.known, all)
	copy(vs, all)
	if err != nil {
		return fmt.Errorf("suite %s: %w", r.suite.Name, err)
	}
	return nil
}

// judgeOld has the judge read what an earlier run, without a judge or with one that failed, left unread of the items.
// It keeps what it has every Options.Together replies.
func (r *runner) judgeOld(ctx context.Context, items []suites.Item, old []protocols.Verdict) error {
	if r.opt.Judge == nil {
		return nil
	}
	at := make(map[int64]int, len(old))
	for i, v := range old {
		at[v.ID] = i
	}
	replies := 0
	keep := func() error {
		if replies == 0 {
			return nil
		}
		replies = 0
		return r.journal.replace(old)
	}
	for _, g := range suites.Groups(items) {
		var vs []protocols.Verdict
		unread := false
		for _, it := range g {
			if v, ok := r.done[it.ID]; ok {
				vs = append(vs, v)
				unread = unread || v.Rule == protocols.RuleUnresolved
			}
		}
		if !unread {
			continue
		}
		err := r.judged(ctx, vs)
		for _, v := range vs {
			if v.Judge != r.done[v.ID].Judge {
				r.done[v.ID], old[at[v.ID]] = v, v
				replies++
			}
		}
		if err != nil || replies >= r.opt.Together {
			if err = errors.Join(err, keep()); err != nil {
				return err
			}
		}
	}
	return keep()
}

// askOne asks about one answer until the reply can be read.
func askOne(ctx context.Context, j Judge, p protocols.Protocol, it suites.Item, answer string) (protocols.Extraction, error) {
	prompt := protocols.JudgePrompt(it, answer)
	for try := 1; ; try++ {
		reply, err := j.Ask(ctx, prompt)
		if err != nil {
			return protocols.Extraction{}, fmt.Errorf("judge: %w", err)
		}
		if e, ok := p.ReadReply(it, reply); ok {
			return e, nil
		}
		if try == judgeTries {
			return protocols.Extraction{}, fmt.Errorf("judge: found %.80q as the last of %d replies, expected one of %s, or Z", reply, judgeTries, strings.Join(protocols.JudgeReplies(it), ", "))
		}
	}
}
