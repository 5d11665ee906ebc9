package protocols

import "moslava/pipelines/eval/suites"

// llava15 are those of LLaVA-1.5's scripts. It leaves MMBench to the benchmark's server: answers are read by
// VLMEvalKit's rules of June 2024.
func llava15() map[suites.Family]Protocol {
	t := map[suites.Family]Protocol{
		suites.MMBench:   {MaxNewTokens: 1024, Prompt: promptLLaVA(instructLetter), Extract: choiceRules{}.inferChoice, Judged: true},
		suites.MMBenchCN: {MaxNewTokens: 1024, Prompt: promptLLaVA(instructLetterChinese), Extract: choiceRules{}.inferChoice, Judged: true},
		suites.SEEDBench: {MaxNewTokens: 128, Prompt: promptEnglish, Extract: exactLetter},
		suites.ScienceQA: {MaxNewTokens: 1024, Prompt: promptScienceQA, Extract: llavaScienceQA},
		suites.POPE:      {MaxNewTokens: 128, Prompt: promptShort(""), Extract: llavaPOPE},
		suites.MME:       {MaxNewTokens: 128, Prompt: promptMME, Extract: officialMME},
		suites.TextVQA:   openVQA(normaliseM4C, 128, promptOCR),
	}
	return t
}
