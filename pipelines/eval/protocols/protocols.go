package protocols

import (
	"fmt"
	"slices"
	"strings"

	"moslava/pipelines/eval/suites"
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

	// Those of a person's own questions, which are asked as they stand.
	Exact    = "exact"    // the answer is the text, but for white space around it
	CaseFold = "casefold" // the same in small letters, without a full stop at the end
	Number   = "number"   // ChartQA's relaxed accuracy; "number-0.1" is another tolerance than 0.05
	ANLS     = "anls"     // DocVQA's normalised edit distance
	F1       = "f1"       // SQuAD's F1 of words
)

// Default is what eval.Run uses when its options name none; DefaultOwn is the same of a person's own questions.
const (
	Default    = VLMEvalKit202406
	DefaultOwn = CaseFold
)

// Names lists the built-in protocols, the default first.
func Names() []string {
	return []string{VLMEvalKit202406, VLMEvalKit202508, VLMEvalKit202608, LLaVA15, LMMSEval, MMMUOfficial, LLMAdapters, LetterLogit, Exact, CaseFold, Number, ANLS, F1}
}

// Named returns a built-in protocol for tables of options or yes/no questions; the empty name is the default.
func Named(name string) (Protocol, error) { return For(name, "") }

// For returns a built-in protocol for a benchmark. The empty name is the default, and the empty family a table of options or
// yes/no questions like MMBench's and POPE's. A protocol that does not say how a benchmark is asked is an error.
func For(name string, family suites.Family) (Protocol, error) {
	if name == "" {
		name = Default
		if family == suites.Own {
			name = DefaultOwn
		}
	}
	if p, ok, err := tolerant(name); ok && (err != nil || family == suites.Own) {
		return p, err
	}
	if !slices.Contains(Names(), name) {
		return Protocol{}, fmt.Errorf("found protocol %q, expected one of %s", name, strings.Join(Names(), ", "))
	}
	if family != "" && !slices.Contains(suites.Families(), family) {
		return Protocol{}, fmt.Errorf("found benchmark %q, expected one of %v", family, suites.Families())
	}
	p := table(name)[family]
	if p.Prompt == nil {
		var known []string
		for _, f := range suites.Families() {
			if table(name)[f].Prompt != nil {
				known = append(known, string(f))
			}
		}
		return Protocol{}, fmt.Errorf("found protocol %s for a suite of %s, which it has no rules for, expected one of %s", name, family.Label(), strings.Join(known, ", "))
	}
	p.Name, p.Family = name, family
	return p, nil
}

// ForSuite is the protocol of that name for the suite; the empty name is the one that the suite's definition says, or
// the default.
func ForSuite(s *suites.Suite, protocol string) (Protocol, error) {
	if protocol == "" {
		protocol = s.Protocol
	}
	p, err := For(protocol, s.Family)
	if err != nil {
		return Protocol{}, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	return p, nil
}

func table(name string) map[suites.Family]Protocol {
	switch name {
	case VLMEvalKit202406:
		return vlmEvalKit(choiceRules{}, false)
	case VLMEvalKit202508:
		return vlmEvalKit(choiceRules{near: true}, true)
	case VLMEvalKit202608:
		return vlmEvalKit(choiceRules{near: true, verbose: true}, true)
	case LLaVA15:
		return llava15()
	case LMMSEval:
		return lmmsEval()
	case MMMUOfficial:
		return map[suites.Family]Protocol{suites.MMMU: {MaxNewTokens: 128, Prompt: promptMMMU, Extract: mmmuExtract, Grade: gradeMMMU, Seed: 42, Show: showMMMU}}
	case LLMAdapters:
		return map[suites.Family]Protocol{suites.Commonsense: {MaxNewTokens: 32, Beams: 4, Raw: true, Prompt: promptCommonsense, Extract: extractCommonsense}}
	}
	if p, ok := ownProtocols()[name]; ok {
		return map[suites.Family]Protocol{suites.Own: p}
	}
	logit := Protocol{Prompt: promptEnglish, Candidates: candidates, Show: showAll}
	return map[suites.Family]Protocol{"": logit, suites.MMBench: logit, suites.MMBenchCN: logit, suites.SEEDBench: logit, suites.ScienceQA: logit, suites.AI2D: logit, suites.PlainChoice: logit, suites.POPE: logit, suites.MME: logit}
}
