package protocols

import (
	"fmt"
	"strings"
	"testing"

	"moslava/pipelines/eval/suites"
)

func TestExtractionEdges(t *testing.T) {
	same := choiceItem(map[string]string{"A": "cat", "B": "cat", "C": "dog"})
	gap := choiceItem(map[string]string{"A": "cat", "D": "dog"})
	letters := choiceItem(map[string]string{"A": "B", "B": "A"})
	for _, c := range []struct {
		it         suites.Item
		text, want string
	}{
		{same, "a cat", ""}, {same, "dog", "C"}, {same, "B", "B"}, // two options have the text
		{gap, "B", ""}, {gap, "D", "D"}, {gap, "dog", "D"}, // a letter without an option is none
		{letters, "A", "A"}, {letters, "b", "A"}, // letters go before texts
	} {
		if got := (choiceRules{}).inferChoice(c.it, c.text); got.Answer != c.want {
			t.Errorf("%q of %v: found %q, expected %q", c.text, c.it.Choices, got.Answer, c.want)
		}
	}
}

// Every protocol asks and reads every benchmark that it knows, and names those that it does not.
func TestProtocolsAndFamilies(t *testing.T) {
	known := map[string]int{}
	for _, name := range Names() {
		for _, f := range suites.Families() {
			p, err := For(name, f)
			if err != nil {
				if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), string(f)) {
					t.Errorf("found %v, expected the names of protocol and benchmark", err)
				}
				continue
			}
			if err := p.Check(); err != nil || p.Name != name || p.Family != f {
				t.Errorf("%s for %s: found %+v, %v", name, f, p, err)
			}
			known[name]++
		}
	}
	want := map[string]int{VLMEvalKit202406: 11, VLMEvalKit202508: 11, VLMEvalKit202608: 11, LLaVA15: 7, LMMSEval: 9, MMMUOfficial: 1, LLMAdapters: 1, LetterLogit: 8,
		Exact: 1, CaseFold: 1, Number: 1, ANLS: 1, F1: 1}
	if fmt.Sprint(known) != fmt.Sprint(want) {
		t.Errorf("found %v benchmarks, expected %v", known, want)
	}
}

func TestPromptsOfProtocols(t *testing.T) {
	it := suites.Item{Hint: "h", Question: "what is IT?", Choices: []suites.Choice{{Letter: 'A', Text: "x"}, {Letter: 'B', Text: "y"}}, Answer: "A"}
	open := suites.Item{Question: "what is IT?", Form: suites.FreeText, Answer: "x"}
	letter := "Answer with the option's letter from the given choices directly."
	short := "Answer the question using a single word or phrase."
	for _, c := range []struct {
		protocol string
		family   suites.Family
		it       suites.Item
		want     string
	}{
		{VLMEvalKit202406, suites.MMBench, it, "h\nwhat is IT?\nA. x\nB. y\n" + letter},
		{VLMEvalKit202406, suites.TextVQA, open, "what is IT?\n" + short + "\n"},
		{VLMEvalKit202508, suites.TextVQA, open, "what is IT?\n" + short},
		{VLMEvalKit202406, suites.POPE, suites.Item{Question: "is it?"}, "is it?"},
		{LLaVA15, suites.MMBench, it, "h\nwhat is IT?\nA. x\nB. y\n" + letter},
		{LLaVA15, suites.MMBenchCN, it, "h\nwhat is IT?\nA. x\nB. y\n请直接回答选项字母。"},
		{LLaVA15, suites.POPE, suites.Item{Question: "is it?"}, "is it?\n" + short},
		{LLaVA15, suites.TextVQA, suites.Item{Question: "q?", Hint: "A, B"}, "q?\nReference OCR token: A, B\n" + short},
		{LLaVA15, suites.MME, suites.Item{Question: "is it? Please answer yes or no."}, "is it?\n" + short},
		{LMMSEval, suites.MMBench, it, "h what is IT? There are several options:\nA. x\nB. y\n\n" + letter},
		{LMMSEval, suites.TextVQA, open, "What is it?\n" + short},
		{LMMSEval, suites.ScienceQA, it, "Context: h\nwhat is IT?\nA. x\nB. y\n" + letter},
		{MMMUOfficial, suites.MMMU, suites.Item{Question: "q?", Choices: it.Choices}, "q?\n(A) x\n(B) y\n\n" + letter},
		{MMMUOfficial, suites.MMMU, open, "what is IT?\n" + short},
		{LLMAdapters, suites.Commonsense, suites.Item{Question: "i"}, "Below is an instruction that describes a task. Write a response that appropriately completes the request. \n\n                ### Instruction:\n                i\n\n                ### Response:\n                "},
	} {
		p, err := For(c.protocol, c.family)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Prompt(c.it); got != c.want {
			t.Errorf("%s for %s: found %q, expected %q", c.protocol, c.family, got, c.want)
		}
	}
}

func TestPrompts(t *testing.T) {
	opened := func(file string) *suites.Suite {
		s, err := suites.OpenFile("../suites/testdata/"+file, suites.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	en, cn, yn := opened("emoji_en.tsv"), opened("emoji_cn.tsv"), opened("pope.tsv")
	p, err := Named("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		it   suites.Item
		want string
	}{
		{en.Items[0], "Rows are counted from the top, columns from the left.\nWhich object is in row 1, column 3 of the table?\nA. maracas\nB. evergreen tree\nC. dna\nD. mobile phone with arrow\nAnswer with the option's letter from the given choices directly."},
		{cn.Items[0], "行从上往下数，列从左往右数。\n表格第 1 行第 3 列是什么？\nA. 沙球\nB. 松树\nC. DNA\nD. 带有箭头的手机\n请直接回答选项字母。"},
		{yn.Items[0], "Is there a roll of paper in the image?"},
		{suites.Item{Question: "q", Choices: []suites.Choice{{Letter: 'A', Text: "猫"}, {Letter: 'B', Text: "x"}}}, "q\nA. 猫\nB. x\n请直接回答选项字母。"},
	} {
		if got := p.Prompt(c.it); got != c.want {
			t.Errorf("found %q, expected %q", got, c.want)
		}
	}
}
