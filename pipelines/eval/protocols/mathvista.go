package protocols

import (
	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// mathVista is post_check with prefetch of VLMEvalKit vlmeval/dataset/utils/mathvista.py, which is what needs no judge:
// an option as can_infer reads it, or the whole answer as a number of the kind that is asked for.
func mathVista(rules choiceRules) func(suites.Item, string) Extraction {
	return func(it suites.Item, answer string) Extraction {
		switch it.Form {
		case suites.Integer:
			if n, ok := pytext.ParseInt(answer); ok {
				return Extraction{n.String(), RuleNumber}
			}
		case suites.Float:
			if f, ok := pytext.ParseFloat(answer); ok {
				return Extraction{pytext.Repr(f), RuleNumber}
			}
		case suites.YesOrNo:
			return rules.inferChoice(it, answer)
		}
		return Extraction{"", RuleUnresolved} // a list or text: upstream has no rule for one
	}
}

// mathVistaRight compares numbers as upstream does, without tolerance.
func mathVistaRight(it suites.Item, e Extraction) bool {
	switch it.Form {
	case suites.Integer:
		got, ok := pytext.ParseInt(e.Answer)
		want, known := pytext.ParseInt(it.Answer)
		return ok && known && got.Cmp(want) == 0
	case suites.Float:
		got, ok := pytext.ParseFloat(e.Answer)
		want, known := pytext.ParseFloat(it.Answer)
		return ok && known && got == want
	}
	return e.Answer == it.Answer
}
