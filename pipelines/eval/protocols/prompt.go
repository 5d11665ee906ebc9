package protocols

import (
	"strings"

	"moslava/pipelines/eval/suites"
)

// Instructions after the options, verbatim from VLMEvalKit vlmeval/vlm/llava/llava_xtuner.py.
const (
	instructLetter        = "Answer with the option's letter from the given choices directly."
	instructLetterChinese = "请直接回答选项字母。"
)

// promptXTuner is LLaVA_XTuner.build_prompt: hint, question, options, instruction, one a line; the instruction is
// Chinese when anything before it is. A yes/no item is its question alone, as VLMEvalKit's ImageYORNDataset sends it.
func promptXTuner(it suites.Item) string {
	body := promptBody(it)
	if len(it.Choices) == 0 {
		return body
	}
	return withInstruction(body)
}

// withInstruction asks for a letter in the language of what comes before.
func withInstruction(body string) string {
	if hasChinese(body) {
		return body + "\n" + instructLetterChinese
	}
	return body + "\n" + instructLetter
}

// hasChinese is cn_string of VLMEvalKit.
func hasChinese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return 0x4e00 <= r && r <= 0x9fff })
}

// promptEnglish is promptXTuner with the English instruction in every language, for models tuned with nothing else.
func promptEnglish(it suites.Item) string {
	body := promptBody(it)
	if len(it.Choices) == 0 {
		return body
	}
	return body + "\n" + instructLetter
}

func promptBody(it suites.Item) string {
	var b strings.Builder
	if it.Hint != "" && len(it.Choices) > 0 {
		b.WriteString(it.Hint + "\n")
	}
	b.WriteString(it.Question)
	for _, c := range it.Choices {
		b.WriteString("\n" + string(c.Letter) + ". " + c.Text)
	}
	return b.String()
}
