package protocols

import (
	"slices"

	"moslava/pipelines/eval/suites"
)

// lmmsEval are those of lmms-eval.
func lmmsEval() map[suites.Family]Protocol {
	t := map[suites.Family]Protocol{
		suites.MMBench:   {MaxNewTokens: 1024, Prompt: promptLMMS("There are several options:", instructLetter), Extract: lmmsStatic},
		suites.MMBenchCN: {MaxNewTokens: 256, Prompt: promptLMMS("有如下几个选项：", "请直接使用所提供的选项字母作为答案回答。"), Extract: lmmsStatic},
		suites.SEEDBench: {MaxNewTokens: 1024, Prompt: promptEnglish, Extract: lmmsSEED},
		suites.ScienceQA: {MaxNewTokens: 16, Prompt: promptScienceQA, Extract: lmmsScienceQA},
		suites.AI2D:      {MaxNewTokens: 16, Prompt: promptEnglish, Extract: lmmsAI2D},
		suites.POPE:      {MaxNewTokens: 128, Prompt: trimmed(promptShort("")), Extract: lmmsPOPE},
		suites.MME:       {MaxNewTokens: 16, Prompt: promptMME, Extract: lmmsMME},
		suites.TextVQA:   openVQA(normaliseM4C, 1024, promptCapitalised),
		suites.MMMU:      {MaxNewTokens: 128, Prompt: promptLMMSMMMU, Extract: lmmsMMMUBoth, Grade: gradeChoice, Show: showNamed},
	}
	for f, p := range t {
		if p.Show == nil {
			p.Show = showAll
		}
		p.Apart = " " // generate_until of models/simple/llava.py
		t[f] = p
	}
	return t
}

// gradeChoice gives credit for options alone: lmms-eval keeps the text of one candidate of an open answer and compares its
// characters one by one with the accepted answers, so that none is ever right.
func gradeChoice(it suites.Item, e Extraction, _ string) float64 {
	return credit(!it.IsOpen() && slices.Contains(accepted(it), e.Answer))
}

// lmmsMMMUBoth reads both kinds of MMMU's questions.
func lmmsMMMUBoth(it suites.Item, answer string) Extraction {
	if it.IsOpen() {
		return mmmuExtract(it, answer)
	}
	return lmmsMMMU(it, answer)
}
