package eval

import (
	"fmt"
	"strconv"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// resume takes over the verdicts of an earlier run after checking that they are on the same thing. What follows from an
// answer is made anew, in old, too.
func (r *runner) resume(old []protocols.Verdict) error {
	r.known = suites.ByID(r.suite.Items)
	for i, v := range old {
		want := protocols.Verdict{Suite: r.suite.Version, Protocol: r.opt.Protocol.Name, Blank: r.opt.Blank, Model: r.opt.Model}
		if v.Suite != want.Suite || v.Protocol != want.Protocol || v.Blank != want.Blank || v.Model != want.Model {
			return fmt.Errorf("%s: found a verdict on item %d by model %q of suite %s, protocol %s, blank %t; expected model %q, suite %s, protocol %s, blank %t: write to another directory, or set this one aside, which --force does",
				r.opt.VerdictsPath, v.ID, v.Model, v.Suite, v.Protocol, v.Blank, want.Model, want.Suite, want.Protocol, want.Blank)
		}
		it, ok := r.known[v.ID]
		if !ok {
			return fmt.Errorf("%s: found a verdict on item %d, which suite %s does not have", r.opt.VerdictsPath, v.ID, r.suite.Name)
		}
		prompt, _, err := r.opt.Protocol.Ask(it)
		if err != nil {
			return err
		}
		if v.Prompt != prompt {
			return fmt.Errorf("%s: found a verdict on item %d with another prompt, %.80q, expected %.80q", r.opt.VerdictsPath, v.ID, v.Prompt, prompt)
		}
		if v.Judge != "" && v.Judge != r.judge {
			return fmt.Errorf("%s: found a verdict on item %d by judge %q, expected %s: write to another directory, or set this one aside, which --force does", r.opt.VerdictsPath, v.ID, v.Judge, nameOr(r.judge, "no judge"))
		}
		if err := reread(r.opt.Protocol, it, &v); err != nil {
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

// reread reads a verdict that is there again: what no rule reads stays as a judge has read it.
func reread(p protocols.Protocol, it suites.Item, v *protocols.Verdict) error {
	said := *v
	v.Judge = ""
	if err := p.Read(it, v); err != nil {
		return err
	}
	if said.Judge != "" && v.Rule == protocols.RuleUnresolved {
		v.Judge = said.Judge
		p.Settle(it, v, protocols.Extraction{Answer: said.Extracted, Rule: protocols.RuleJudge})
	}
	return nil
}
