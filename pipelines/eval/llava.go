package eval

// protocolsLLaVA are those of LLaVA-1.5's scripts. It leaves MMBench to the benchmark's server: answers are read by VLMEvalKit's rules
// of June 2024.
func protocolsLLaVA() map[Family]Protocol {
	t := map[Family]Protocol{
		MMBench:   {MaxNewTokens: 1024, Prompt: promptLLaVA(instructLetter), Extract: choiceRules{}.inferChoice, Judged: true},
		MMBenchCN: {MaxNewTokens: 1024, Prompt: promptLLaVA(instructLetterChinese), Extract: choiceRules{}.inferChoice, Judged: true},
		SEEDBench: {MaxNewTokens: 128, Prompt: promptEnglish, Extract: exactLetter},
		ScienceQA: {MaxNewTokens: 1024, Prompt: promptScienceQA, Extract: llavaScienceQA},
		POPE:      {MaxNewTokens: 128, Prompt: promptShort(""), Extract: llavaPOPE},
		MME:       {MaxNewTokens: 128, Prompt: promptMME, Extract: officialMME},
		TextVQA:   openVQA(normaliseM4C, 128, promptOCR),
	}
	return t
}
