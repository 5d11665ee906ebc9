package eval

// protocolsVLMEvalKit are those of VLMEvalKit with LLaVA_XTuner's prompts. late is a version after May 2025.
func protocolsVLMEvalKit(rules choiceRules, late bool) map[Family]Protocol {
	read := func(it Item, answer string) Extraction {
		if len(it.Choices) == 0 && it.Form == YesOrNo {
			return inferYesNo(answer)
		}
		return rules.inferChoice(it, answer)
	}
	plain := Protocol{MaxNewTokens: 5, Prompt: promptXTuner, Extract: read, Judged: true}
	options, show := promptXTunerOptions, showFirst
	if !late {
		options, show = promptSplitMMMU, showSplitMMMU
	}
	t := map[Family]Protocol{}
	for _, f := range []Family{"", MMBench, MMBenchCN, SEEDBench, ScienceQA, AI2D, PlainChoice, POPE, MME} {
		t[f] = plain
	}
	t[MMMU] = Protocol{MaxNewTokens: 5, Prompt: options, Show: show, Judged: true,
		Extract: func(it Item, answer string) Extraction { return rules.inferChoice(recast(it), answer) },
		Grade: func(it Item, e Extraction, _ string) float64 {
			return credit(e.Answer == it.Answer || it.Form == Recast && e.Answer == "A")
		}}
	t[TextVQA] = openVQA(normaliseVQA(late), 512, promptShort(map[bool]string{false: "\n", true: ""}[late]))
	t[MathVista] = Protocol{MaxNewTokens: 512, Prompt: func(it Item) string { return it.Question }, Extract: mathVista(rules), Judged: true,
		Grade: func(it Item, e Extraction, _ string) float64 { return credit(mathVistaRight(it, e)) }}
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
func recast(it Item) Item {
	if it.Form == Recast {
		it.Choices = []Choice{{'A', it.Answer}, {'B', "Other Answers"}}
	}
	return it
}
