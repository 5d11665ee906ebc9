package protocols

import (
	"strings"

	"moslava/internal/pytext"
	"moslava/pipelines/eval/suites"
)

// normaliser brings a free answer to the form in which VQA scores compare it.
type normaliser func(string) string

// normaliseVQA is process_answer of VLMEvalKit vlmeval/dataset/utils/vqa_eval.py (VQAEval's). after: see dropPeriods.
func normaliseVQA(after bool) normaliser {
	return func(s string) string {
		s = strings.TrimFunc(strings.NewReplacer("\n", " ", "\t", " ").Replace(s), pytext.IsSpace)
		return digitsAndArticles(dropPeriods(replaceMarks(s), after))
	}
}

// normaliseM4C is EvalAIAnswerProcessor of LLaVA llava/eval/m4c_evaluator.py, from MMF; lmms-eval has a copy. Before what
// normaliseVQA does, commas and question marks go, and "'s" is cut off.
func normaliseM4C(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(pytext.Lower(s), ",", ""), "?", "")
	s = strings.TrimFunc(strings.ReplaceAll(s, "'s", " 's"), pytext.IsSpace)
	return normaliseVQA(false)(s)
}

// digitsAndArticles is _process_digit_article: number words to ten, articles, missing apostrophes.
func digitsAndArticles(s string) string {
	var out []string
	for _, w := range strings.FieldsFunc(pytext.Lower(s), pytext.IsSpace) {
		if n, ok := numberWords[w]; ok {
			w = n
		}
		if w == "a" || w == "an" || w == "the" {
			continue
		}
		if c, ok := contractions[w]; ok {
			w = c
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

var numberWords = map[string]string{"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
	"eight": "8", "nine": "9", "ten": "10"}

// vqaScore is the mean, over each answer left out in turn, of min(1, equal ones among the others / 3). pred and answers are
// normalised already. Sums are those of Python: in order, in float64.
func vqaScore(pred string, answers []string) float64 {
	if len(answers) == 0 {
		return 0
	}
	equal := 0
	for _, a := range answers {
		if a == pred {
			equal++
		}
	}
	sum := 0.0
	for _, a := range answers {
		n := equal
		if a == pred {
			n--
		}
		sum += min(1, float64(n)/3)
	}
	return sum / float64(len(answers))
}

// contractions are VQAEval's; those it has in capitals never match, because words are in lower case by then.
var contractions = func() map[string]string {
	m := map[string]string{
		"let's": "let's", "she's": "she's", "maam": "ma'am", "oclock": "o'clock", "twas": "'twas", "yall": "y'all", "y'allll": "y'all'll", "yall'll": "y'all'll",
		"y'alld've": "y'all'd've", "yall'd've": "y'all'd've", "y'all'dve": "y'all'd've",
		"ow's'at": "'ow's'at", "'ows'at": "'ow's'at", "'ow'sat": "'ow's'at", "somebody'd": "somebodyd",
	}
	// Every other one is a word that lost one or both of its apostrophes.
	for _, whole := range strings.Fields(simpleContractions) {
		m[strings.Replace(whole, "'", "", 1)] = whole
	}
	for _, whole := range strings.Fields(doubleContractions) {
		i := strings.IndexByte(whole, '\'')
		j := i + 1 + strings.IndexByte(whole[i+1:], '\'')
		m[whole[:i]+whole[i+1:]] = whole
		m[whole[:j]+whole[j+1:]] = whole
	}
	return m
}()

const simpleContractions = `ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd how'll how's isn't it'd it'll
	mightn't might've mustn't must've needn't not've oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll someone's
	something'd something'll that's there'd there're there's they'd they'll they're they've wasn't we've weren't what'll what're what's what've when's
	where'd where's where've who'd who'll who's who've why'll why're why's won't would've wouldn't you'd you'll you're you've`

const doubleContractions = `couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've someone'd've something'd've there'd've
	they'd've we'd've who'd've wouldn't've you'd've`

// openVQA scores free texts against ten people's.
func openVQA(n normaliser, tokens int, prompt func(suites.Item) string) Protocol {
	return Protocol{MaxNewTokens: tokens, Prompt: prompt,
		Extract: func(_ suites.Item, answer string) Extraction { return Extraction{n(answer), RuleAnswer} },
		Grade: func(it suites.Item, e Extraction, _ string) float64 {
			answers := make([]string, len(it.Answers))
			for i, a := range it.Answers {
				answers[i] = n(a)
			}
			return vqaScore(e.Answer, answers)
		}}
}
