package protocols

import "moslava/pipelines/eval/suites"

// vlmEvalKit are those of VLMEvalKit with LLaVA_XTuner's prompts. late is a version after May 2025.
func vlmEvalKit(rules choiceRules, late bool) map[suites.Family]Protocol {
	read := func(it suites.Item, answer string) Extraction {
		if len(it.Choices) == 0 && it.Form == suites.YesOrNo {
			return inferYesNo(answer)
		}
		return rules.inferChoice(it, answer)
	}
	plain := Protocol{MaxNewTokens: 5, Prompt: promptXTuner, Extract: read, Judged: true}
	options, show := promptXTunerOptions, showFirst
	if !late {
		options, show = promptSplitMMMU, showSplitMMMU
	}
	t := map[suites.Family]Protocol{}
	for _, f := range []suites.Family{"", suites.MMBench, suites.MMBenchCN, suites.SEEDBench, suites.ScienceQA, suites.AI2D, suites.PlainChoice, suites.POPE, suites.MME} {
		t[f] = plain
	}
	t[suites.MMMU] = Protocol{MaxNewTokens: 5, Prompt: options, Show: show, Judged: true,
		Extract: func(it suites.Item, answer string) Extraction { return rules.inferChoice(recast(it), answer) },
		Grade: func(it suites.Item, e Extraction, _ string) float64 {
			return credit(e.Answer == it.Answer || it.Form == suites.Recast && e.Answer == "A")
		}}
	t[suites.TextVQA] = openVQA(normaliseVQA(late), 512, promptShort(map[bool]string{false: "\n", true: ""}[late]))
	t[suites.MathVista] = Protocol{MaxNewTokens: 512, Prompt: func(it suites.Item) string { return it.Question }, Extract: mathVista(rules), Judged: true,
		Grade: func(it suites.Item, e Extraction, _ string) float64 { return credit(mathVistaRight(it, e)) }}
	for f, p := range t {
		if p.Show == nil {
			p.Show = showFirst
		}
		p.Prompt = unmarked(p.Prompt)
		t[f] = p
	}
	return t
}

// recast is MMMU_preproc of VLMEvalKit: a question without options becomes one between its answer and "Other Answers".
func recast(it suites.Item) suites.Item {
	if it.Form == suites.Recast {
		it.Choices = []suites.Choice{{Letter: 'A', Text: it.Answer}, {Letter: 'B', Text: "Other Answers"}}
	}
	return it
}
