package eval

import (
	"fmt"
	"slices"
	"strings"
)

// Names of the built-in protocols. docs/evaluation.md has a table of each.
const (
	VLMEvalKit202406 = "vlmevalkit-2024.06" // LLaVA_XTuner prompts, 5 new tokens, greedy, can_infer, exact matching
	VLMEvalKit202508 = "vlmevalkit-2025.08" // a letter counts at the end of an answer only, a text in a short one only
	VLMEvalKit202608 = "vlmevalkit-2026.08" // reads "the answer is a dog" as A: for comparison with scores that were made so
	LLaVA15          = "llava-1.5"          // the scripts of LLaVA-1.5
	LMMSEval         = "lmms-eval"          // lmms-eval of August 2026, its tasks without a judge
	MMMUOfficial     = "mmmu-official"      // MMMU's own parser, random draws repeated
	LLMAdapters      = "llm-adapters"       // commonsense questions as LLM-Adapters asks them: raw prompt, 4 beams, 32 new tokens
	LetterLogit      = "letter-logit"       // English instruction, the option letter with the highest first-token logit
)

// DefaultProtocol is what Run uses when Options name none.
const DefaultProtocol = VLMEvalKit202406

// ProtocolNames lists the built-in protocols, the default first.
func ProtocolNames() []string {
	return []string{VLMEvalKit202406, VLMEvalKit202508, VLMEvalKit202608, LLaVA15, LMMSEval, MMMUOfficial, LLMAdapters, LetterLogit}
}

// ProtocolNamed returns a built-in protocol for tables of options or yes/no questions; the empty name is the default.
func ProtocolNamed(name string) (Protocol, error) { return ProtocolFor(name, "") }

// ProtocolFor returns a built-in protocol for a benchmark. The empty name is the default, and the empty family a table of options or
// yes/no questions like MMBench's and POPE's. A protocol that does not say how a benchmark is asked is an error.
func ProtocolFor(name string, family Family) (Protocol, error) {
	if name == "" {
		name = DefaultProtocol
	}
	if !slices.Contains(ProtocolNames(), name) {
		return Protocol{}, fmt.Errorf("found protocol %q, expected one of %s", name, strings.Join(ProtocolNames(), ", "))
	}
	if family != "" && !slices.Contains(Families(), family) {
		return Protocol{}, fmt.Errorf("found benchmark %q, expected one of %v", family, Families())
	}
	p := protocolTable(name)[family]
	if p.Prompt == nil {
		var known []string
		for _, f := range Families() {
			if protocolTable(name)[f].Prompt != nil {
				known = append(known, string(f))
			}
		}
		return Protocol{}, fmt.Errorf("found protocol %s for a suite of %s, which it has no rules for, expected one of %s", name, orAny(family), strings.Join(known, ", "))
	}
	p.Name, p.Family = name, family
	return p, nil
}

// Asked is the protocol of that name for the suite; the empty name is the one that the suite's definition says, or the default.
func (s *Suite) Asked(protocol string) (Protocol, error) {
	if protocol == "" {
		protocol = s.Protocol
	}
	p, err := ProtocolFor(protocol, s.Family)
	if err != nil {
		return Protocol{}, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	return p, nil
}

func orAny(f Family) string {
	if f == "" {
		return "no named benchmark"
	}
	return string(f)
}

func protocolTable(name string) map[Family]Protocol {
	switch name {
	case VLMEvalKit202406:
		return protocolsVLMEvalKit(choiceRules{}, false)
	case VLMEvalKit202508:
		return protocolsVLMEvalKit(choiceRules{near: true}, true)
	case VLMEvalKit202608:
		return protocolsVLMEvalKit(choiceRules{near: true, verbose: true}, true)
	case LLaVA15:
		return protocolsLLaVA()
	case LMMSEval:
		return protocolsLMMSEval()
	case MMMUOfficial:
		return map[Family]Protocol{MMMU: {MaxNewTokens: 128, Prompt: promptMMMU, Extract: mmmuExtract, Grade: gradeMMMU, Draw: 42, Show: showMMMU}}
	case LLMAdapters:
		return map[Family]Protocol{Commonsense: {MaxNewTokens: 32, Beams: 4, Raw: true, Prompt: promptCommonsense, Extract: extractCommonsense}}
	}
	logit := Protocol{Prompt: promptEnglish, Candidates: candidates, Show: showAll}
	return map[Family]Protocol{"": logit, MMBench: logit, MMBenchCN: logit, SEEDBench: logit, ScienceQA: logit, AI2D: logit, PlainChoice: logit, POPE: logit, MME: logit}
}

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

// protocolsLMMSEval are those of lmms-eval.
func protocolsLMMSEval() map[Family]Protocol {
	t := map[Family]Protocol{
		MMBench:   {MaxNewTokens: 1024, Prompt: promptLMMS("There are several options:", instructLetter), Extract: lmmsStatic},
		MMBenchCN: {MaxNewTokens: 256, Prompt: promptLMMS("有如下几个选项：", "请直接使用所提供的选项字母作为答案回答。"), Extract: lmmsStatic},
		SEEDBench: {MaxNewTokens: 1024, Prompt: promptEnglish, Extract: lmmsSEED},
		ScienceQA: {MaxNewTokens: 16, Prompt: promptScienceQA, Extract: lmmsScienceQA},
		AI2D:      {MaxNewTokens: 16, Prompt: promptEnglish, Extract: lmmsAI2D},
		POPE:      {MaxNewTokens: 128, Prompt: trimmed(promptShort("")), Extract: lmmsPOPE},
		MME:       {MaxNewTokens: 16, Prompt: promptMME, Extract: lmmsMME},
		TextVQA:   openVQA(normaliseM4C, 1024, promptCapitalised),
		MMMU:      {MaxNewTokens: 128, Prompt: promptLMMSMMMU, Extract: lmmsMMMUBoth, Grade: gradeChoice, Show: showNamed},
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

// openVQA scores free texts against ten people's.
func openVQA(n normaliser, tokens int, prompt func(Item) string) Protocol {
	return Protocol{MaxNewTokens: tokens, Prompt: prompt,
		Extract: func(_ Item, answer string) Extraction { return Extraction{n(answer), RuleAnswer} },
		Grade: func(it Item, e Extraction, _ string) float64 {
			answers := make([]string, len(it.Answers))
			for i, a := range it.Answers {
				answers[i] = n(a)
			}
			return vqaScore(e.Answer, answers)
		}}
}

func credit(right bool) float64 {
	if right {
		return 1
	}
	return 0
}

// recast is MMMU_preproc of VLMEvalKit: a question without options becomes one between its answer and "Other Answers".
func recast(it Item) Item {
	if it.Form == Recast {
		it.Choices = []Choice{{'A', it.Answer}, {'B', "Other Answers"}}
	}
	return it
}

// gradeMMMU is MMMU's evaluate.
func gradeMMMU(it Item, e Extraction, answer string) float64 {
	if it.open() && it.Form != Given {
		return credit(mmmuOpenRight(it.accepted(), mmmuOpen(answer)))
	}
	return credit(slices.Contains(it.accepted(), e.Answer))
}

// gradeChoice gives credit for options alone: lmms-eval keeps the text of one candidate of an open answer and compares its
// characters one by one with the accepted answers, so that none is ever right.
func gradeChoice(it Item, e Extraction, _ string) float64 {
	return credit(!it.open() && slices.Contains(it.accepted(), e.Answer))
}

// lmmsMMMUBoth reads both kinds of MMMU's questions.
func lmmsMMMUBoth(it Item, answer string) Extraction {
	if it.open() {
		return mmmuExtract(it, answer)
	}
	return lmmsMMMU(it, answer)
}
