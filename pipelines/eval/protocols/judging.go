package protocols

import (
	"fmt"
	"strings"

	"moslava/pipelines/eval/suites"
)

// MayJudge refuses a judge model where the protocol has none.
func (p Protocol) MayJudge() error {
	if !p.Judged {
		return fmt.Errorf("found a judge, but protocol %s has none for %s: its rules read every answer that counts", p.Name, p.Family.Label())
	}
	if p.Family == suites.MathVista {
		return fmt.Errorf("found a judge for MathVista, of which this program has the part that needs none")
	}
	return nil
}

// JudgePrompt is what a judge model is asked about an answer: build_prompt of VLMEvalKit's multiple_choice.py at
// ff8017cc, in Chinese if the question is, or YOrN_match_prompt.
func JudgePrompt(it suites.Item, answer string) string {
	it = recast(it)
	if len(it.Choices) == 0 {
		return fmt.Sprintf(judgeYesNo, it.Question, answer)
	}
	var options strings.Builder
	options.WriteString("There are several options: \n")
	for _, c := range it.Choices {
		options.WriteString(string(c.Letter) + ". " + c.Text + "\n")
	}
	if hasChinese(it.Question) {
		return fmt.Sprintf(judgeChinese, it.Question, options.String(), answer)
	}
	return fmt.Sprintf(judgeEnglish, it.Question, options.String(), answer)
}

// ReadReply reads a judge's reply by the protocol's own rules; ok is false when they cannot. A question with yes or no
// has a third reply, Unknown, which is no answer.
func (p Protocol) ReadReply(it suites.Item, reply string) (e Extraction, ok bool) {
	if e := p.Extract(it, reply); e.Answer != "" {
		return Extraction{e.Answer, RuleJudge}, true
	}
	if len(recast(it).Choices) == 0 && strings.Contains(strings.ToLower(reply), "unknown") {
		return Extraction{"", RuleJudge}, true
	}
	return Extraction{}, false
}

// JudgeReplies are the replies that a judge may give, besides the one for no answer.
func JudgeReplies(it suites.Item) []string { return candidates(recast(it)) }

// The prompts are part of the protocol: another wording is another judge.
const (
	judgeEnglish = "You are an AI assistant who will help me to match an answer with several options of a single-choice question. " +
		"You are provided with a question, several options, and an answer, and you need to find which option is most similar to the answer. " +
		"If the meaning of all options are significantly different from the answer, output Z. " +
		"Your should output a single uppercase character in A, B, C, D (if they are valid options), and Z. \n" +
		"Example 1: \nQuestion: What is the main object in image?\nOptions: A. teddy bear B. rabbit C. cat D. dog\nAnswer: a cute teddy bear\nYour output: A\n" +
		"Example 2: \nQuestion: What is the main object in image?\nOptions: A. teddy bear B. rabbit C. cat D. dog\nAnswer: Spider\nYour output: Z\n" +
		"Example 3: \nQuestion: %s?\nOptions: %s\nAnswer: %s\nYour output: "
	judgeChinese = "你是一个帮助我匹配答案与单选题中多个选项的 AI 助手。你会被提供：一个问题，多个选项，一个答案。你的任务是找到与答案意义最相近的选项。" +
		"如果所有选项的意义都与答案显著不同，则输出 Z。你应该输出一个单个的大写字母，例如 A, B, C, D（如果它们是有效选项），或 Z。" +
		"例 1:问题: 图中最主要的物体是什么?\n选项: A. 泰迪熊 B. 兔子 C. 猫 D. 狗\n答案: 一只可爱的泰迪熊\n输出: A\n" +
		"例 2: \n问题: 图中最主要的物体是什么?\n选项: A. 泰迪熊 B. 兔子 C. 猫 D. 狗\n答案: 蜘蛛\n输出: Z\n" +
		"例 3: \n问题: %s?\n选项: %s\n答案: %s\n输出: "
	judgeYesNo = "You are an AI assistant who will help me to match an answer with two options of a question. The options are only Yes / No. " +
		"You are provided with a question and an answer, and you need to find which option (Yes / No) is most similar to the answer. " +
		"If the meaning of all options are significantly different from the answer, output Unknown. " +
		"Your should output a single word among the following 3 choices: Yes, No, Unknown.\n" +
		"Example 1: \nQuestion: Is the word in this image 'Hello'?\nAnswer: The word in this image is 'Hello'.\nYour output: Yes\n" +
		"Example 2: \nQuestion: Is the word in this image 'Hello'?\nAnswer: The word in this image is not 'Hello'.\nYour output: No\n" +
		"Example 3: \nQuestion: %s?\nAnswer: %s\nYour output: "
)
