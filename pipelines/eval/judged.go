package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// mayJudge refuses a judge where a protocol has none.
func (p Protocol) mayJudge() error {
	if !p.Judged {
		return fmt.Errorf("found a judge, but protocol %s has none for %s: its rules read every answer that counts", p.Name, orAny(p.Family))
	}
	if p.Family == MathVista {
		return fmt.Errorf("found a judge for MathVista, of which this program has the part that needs none")
	}
	return nil
}

// AskJudge has a judge read those verdicts that no rule could, and settles them. Only protocols that use a judge may have one. As
// upstream, a question that another pass has lost already is not asked about. Every failure is an error, and so is a reply that is unreadable
// three times, for which upstream draws an option at random; verdicts that were settled before it are.
func AskJudge(ctx context.Context, j Judge, p Protocol, items []Item, verdicts []Verdict) error {
	return p.askJudge(ctx, j, itemsByID(items), verdicts)
}

func (p Protocol) askJudge(ctx context.Context, j Judge, byID map[int64]Item, verdicts []Verdict) error {
	if err := p.mayJudge(); err != nil {
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
		if v.Rule != RuleUnresolved || it.Answer == "" || lost[v.Group] {
			continue
		}
		e, err := judged(ctx, j, p, it, v.Raw)
		if err != nil {
			return fmt.Errorf("item %s: %w", itemName(it), err)
		}
		v.Judge = j.Name()
		if p.settle(it, v, e); !v.Correct {
			lost[v.Group] = true
		}
	}
	return nil
}

// judged has the run's judge, if there is one, read those of the verdicts that no rule could, beside the other passes that were answered
// before. On an error, verdicts that were settled before it are.
func (r *runner) judged(ctx context.Context, vs []Verdict) error {
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
	err := r.opt.Protocol.askJudge(ctx, r.opt.Judge, r.known, all)
	copy(vs, all)
	if err != nil {
		return fmt.Errorf("suite %s: %w", r.suite.Name, err)
	}
	return nil
}

// judgeOld has the judge read what an earlier run, without a judge or with one that failed, left unread of the items. It keeps what it has every
// Options.Together replies.
func (r *runner) judgeOld(ctx context.Context, items []Item, old []Verdict) error {
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
	for _, g := range groups(items) {
		var vs []Verdict
		unread := false
		for _, it := range g {
			if v, ok := r.done[it.ID]; ok {
				vs = append(vs, v)
				unread = unread || v.Rule == RuleUnresolved
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

// judged asks until a rule reads the reply.
func judged(ctx context.Context, j Judge, p Protocol, it Item, answer string) (Extraction, error) {
	asked := recast(it)
	prompt := judgePrompt(asked, answer)
	for try := 1; ; try++ {
		reply, err := j.Ask(ctx, prompt)
		if err != nil {
			return Extraction{}, fmt.Errorf("judge: %w", err)
		}
		e := p.Extract(it, reply)
		if e.Answer != "" {
			return Extraction{e.Answer, RuleJudge}, nil
		}
		if len(asked.Choices) == 0 && strings.Contains(strings.ToLower(reply), "unknown") {
			return Extraction{"", RuleJudge}, nil
		}
		if try == judgeTries {
			return Extraction{}, fmt.Errorf("judge: found %.80q as the last of %d replies, expected one of %s, or Z", reply, judgeTries, strings.Join(candidates(asked), ", "))
		}
	}
}

// judgePrompt is build_prompt of VLMEvalKit's multiple_choice.py at ff8017cc, in Chinese if the question is, or YOrN_match_prompt.
func judgePrompt(it Item, answer string) string {
	if len(it.Choices) == 0 {
		return fmt.Sprintf(judgeYesNo, it.Question, answer)
	}
	var options strings.Builder
	options.WriteString("There are several options: \n")
	for _, c := range it.Choices {
		options.WriteString(string(c.Letter) + ". " + c.Text + "\n")
	}
	if hasChinese(it.Question) {
		return fmt.Sprintf(judgeChinese, it.Question, options.String(), answer)
	}
	return fmt.Sprintf(judgeEnglish, it.Question, options.String(), answer)
}

// The prompts are part of the protocol: another wording is another judge.
const (
	judgeEnglish = "You are an AI assistant who will help me to match an answer with several options of a single-choice question. " +
		"You are provided with a question, several options, and an answer, and you need to find which option is most similar to the answer. " +
		"If the meaning of all options are significantly different from the answer, output Z. " +
		"Your should output a single uppercase character in A, B, C, D (if they are valid options), and Z. \n" +
		"Example 1: \nQuestion: What is the main object in image?\nOptions: A. teddy bear B. rabbit C. cat D. dog\nAnswer: a cute teddy bear\nYour output: A\n" +
		"Example 2: \nQuestion: What is the main object in image?\nOptions: A. teddy bear B. rabbit C. cat D. dog\nAnswer: Spider\nYour output: Z\n" +
		"Example 3: \nQuestion: %s?\nOptions: %s\nAnswer: %s\nYour output: "
	judgeChinese = "你是一个帮助我匹配答案与单选题中多个选项的 AI 助手。你会被提供：一个问题，多个选项，一个答案。你的任务是找到与答案意义最相近的选项。" +
		"如果所有选项的意义都与答案显著不同，则输出 Z。你应该输出一个单个的大写字母，例如 A, B, C, D（如果它们是有效选项），或 Z。" +
		"例 1:问题: 图中最主要的物体是什么?\n选项: A. 泰迪熊 B. 兔子 C. 猫 D. 狗\n答案: 一只可爱的泰迪熊\n输出: A\n" +
		"例 2: \n问题: 图中最主要的物体是什么?\n选项: A. 泰迪熊 B. 兔子 C. 猫 D. 狗\n答案: 蜘蛛\n输出: Z\n" +
		"例 3: \n问题: %s?\n选项: %s\n答案: %s\n输出: "
	judgeYesNo = "You are an AI assistant who will help me to match an answer with two options of a question. The options are only Yes / No. " +
		"You are provided with a question and an answer, and you need to find which option (Yes / No) is most similar to the answer. " +
		"If the meaning of all options are significantly different from the answer, output Unknown. " +
		"Your should output a single word among the following 3 choices: Yes, No, Unknown.\n" +
		"Example 1: \nQuestion: Is the word in this image 'Hello'?\nAnswer: The word in this image is 'Hello'.\nYour output: Yes\n" +
		"Example 2: \nQuestion: Is the word in this image 'Hello'?\nAnswer: The word in this image is not 'Hello'.\nYour output: No\n" +
		"Example 3: \nQuestion: %s?\nAnswer: %s\nYour output: "
)
