package protocols

import (
	"strings"
	"unicode"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// instructShort asks for a short answer; LLaVA, VLMEvalKit and lmms-eval share it.
const instructShort = "Answer the question using a single word or phrase."

// promptXTunerOptions is promptXTuner for a suite of which some questions have no options: upstream asks those for a
// letter, too.
func promptXTunerOptions(it suites.Item) string {
	body := it.Question
	if it.Hint != "" {
		body = it.Hint + "\n" + body
	}
	if it.IsOpen() {
		return withInstruction(body)
	}
	return promptXTuner(it)
}

// promptShort is the question and instructShort. VLMEvalKit of 2024 had a line end after it.
func promptShort(end string) func(suites.Item) string {
	return func(it suites.Item) string { return it.Question + "\n" + instructShort + end }
}

func trimmed(prompt func(suites.Item) string) func(suites.Item) string {
	return func(it suites.Item) string {
		it.Question = strings.TrimFunc(it.Question, pytext.IsSpace)
		return prompt(it)
	}
}

// promptLLaVA is llava/eval/model_vqa_mmbench.py with --single-pred-prompt: the instruction goes by --lang, not by the
// text, and the hints "nan" and "none" are none.
func promptLLaVA(instruction string) func(suites.Item) string {
	return func(it suites.Item) string {
		if h := strings.ToLower(it.Hint); h == "nan" || h == "none" {
			it.Hint = ""
		}
		return promptBody(it) + "\n" + instruction
	}
}

// promptScienceQA is how LLaVA asks ScienceQA, as lmms-eval's task has it (LLaVA's question file is not in its repository).
func promptScienceQA(it suites.Item) string {
	context := ""
	if it.Hint != "" {
		context = "Context: " + it.Hint + "\n"
	}
	it.Hint = ""
	return context + promptBody(it) + "\n" + instructLetter
}

// promptMME puts instructShort in the place of MME's own "Please answer yes or no.", as LLaVA's question file and
// lmms-eval do.
func promptMME(it suites.Item) string {
	return strings.ReplaceAll(strings.TrimFunc(it.Question, pytext.IsSpace), " Please answer yes or no.", "") + "\n" + instructShort
}

// promptOCR is LLaVA's question file of TextVQA with OCR tokens, which are in the hint column if they are there.
func promptOCR(it suites.Item) string {
	tokens := ""
	if it.Hint != "" {
		tokens = "\nReference OCR token: " + it.Hint
	}
	return it.Question + tokens + "\n" + instructShort
}

// promptCapitalised is lmms-eval's TextVQA: str.capitalize of the question.
func promptCapitalised(it suites.Item) string {
	r := []rune(it.Question)
	if len(r) > 0 {
		it.Question = string(unicode.ToTitle(r[0])) + pytext.Lower(string(r[1:]))
	}
	return promptShort("")(it)
}

// promptLMMS is mmbench_doc_to_text of lmms-eval, on one line up to the options, with an empty line before the instruction.
func promptLMMS(options, instruction string) func(suites.Item) string {
	return func(it suites.Item) string {
		var b strings.Builder
		if it.Hint != "" && it.Hint != "nan" {
			b.WriteString(it.Hint + " ")
		}
		b.WriteString(it.Question + " " + options)
		for _, c := range it.Choices {
			b.WriteString("\n" + string(c.Letter) + ". " + c.Text)
		}
		return b.String() + "\n\n" + instruction
	}
}

// promptMMMU is construct_prompt of MMMU with its configs/llava1.5.yaml.
func promptMMMU(it suites.Item) string {
	if it.IsOpen() {
		return promptShort("")(it)
	}
	var b strings.Builder
	b.WriteString(it.Question + "\n")
	for _, c := range it.Choices {
		b.WriteString("(" + string(c.Letter) + ") " + c.Text + "\n")
	}
	return b.String() + "\n" + instructLetter
}

// promptLMMSMMMU is construct_prompt of lmms-eval's MMMU.
func promptLMMSMMMU(it suites.Item) string {
	if it.IsOpen() {
		return it.Question + "\n\n" + instructShort
	}
	it.Hint = ""
	return promptBody(it) + "\n\n" + instructLetter
}
