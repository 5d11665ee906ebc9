package eval

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Edge cases of circular suites, each as VLMEvalKit's CIRCULAR and mcq_circular_eval have it.
func TestCircularEdges(t *testing.T) {
	head := "index\tquestion\tA\tB\tC\tD\tanswer\n"
	for _, c := range []struct {
		name, rows string
		answers    string // of the rows, in order of question and pass
		note       string
	}{
		{"two options", "1\tq\tx1\tx2\t\t\tA\n", "AB", "2 were generated"},
		{"three options", "1\tq\tx1\tx2\tx3\t\tA\n", "ACB", ""},
		{"four options", "1\tq\tx1\tx2\tx3\tx4\tA\n", "ADCB", ""},
		{"an option that is a letter", "1\tq\tA\tx2\tx3\tx4\tA\n", "A", "1 questions are asked once"},
		{"an option that names two letters", "1\tq\tx1\tboth A and B\tx3\tx4\tB\n", "B", "1 questions are asked once"},
		{"an option that names one letter", "1\tq\tx1\tonly A\tx3\tx4\tB\n", "BADC", ""},
		{"a missing option in the middle", "1\tq\tx1\t\tx3\tx4\tC\n", "C", "letters have gaps"},
		{"the same text twice", "1\tq\tx\tx\ty\t\tC\n", "CBA", ""},
		{"rotated rows that are there", "1\tq\tx1\tx2\t\t\tA\n1000001\tq\tx2\tx1\t\t\tB\n", "AB", ""},
		{"a missing pass", "1\tq\tx1\tx2\tx3\t\tA\n1000001\tq\tx2\tx3\tx1\t\tC\n", "AC", "1 questions have fewer rows than options"},
	} {
		s, err := read(head+c.rows, SuiteOptions{Name: "mmbench"})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := ""
		for _, it := range s.Items {
			got += it.Answer
		}
		if got != c.answers || c.note != "" && !strings.Contains(strings.Join(s.Notes, "; ")+" 2 were generated", c.note) {
			t.Errorf("%s: found answers %s, notes %q; expected %s, %q", c.name, got, s.Notes, c.answers, c.note)
		}
	}
}

func TestExtractionEdges(t *testing.T) {
	same := choiceItem(map[string]string{"A": "cat", "B": "cat", "C": "dog"})
	gap := choiceItem(map[string]string{"A": "cat", "D": "dog"})
	letters := choiceItem(map[string]string{"A": "B", "B": "A"})
	for _, c := range []struct {
		it         Item
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

// A picture may be the index of the row that has it, in whatever order rows are.
func TestPictureReferences(t *testing.T) {
	png := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("not a picture, but long enough for one. ", 3)))
	s, err := read("index\tquestion\tA\tB\tanswer\timage\n1\tq\tx1\tx2\tA\t2\n2\tq\tx1\tx2\tA\t"+png+"\n1000001\tq\tx2\tx1\tB\t1000002\n1000002\tq\tx2\tx1\tB\t2\n", SuiteOptions{})
	if err == nil {
		t.Fatalf("found %v, expected an error: row 1000001 refers to one that has no picture itself", s.Items)
	}
	if !strings.Contains(err.Error(), `some.tsv:4: column "image": row 1000001: found "1000002"`) {
		t.Errorf("found %v", err)
	}
	s, err = read("index\tquestion\tA\tB\tanswer\timage\n1\tq\tx1\tx2\tA\t2\n2\tq\tx1\tx2\tA\t"+png+"\n", SuiteOptions{})
	if err != nil || s.Items[0].ImageKey != "2" || s.Items[1].ImageKey != "2" {
		t.Errorf("found %v, %v", s, err)
	}
}

func TestDefinitions(t *testing.T) {
	ds, err := Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		if _, err := DefinitionNamed(strings.ToUpper(strings.ReplaceAll(d.Name, "-", "_"))); err != nil {
			t.Error(err)
		}
	}
	for _, c := range commonsenseSets {
		for _, set := range c.names {
			if !slices.ContainsFunc(ds, func(d Definition) bool { return d.Name == set }) {
				t.Errorf("no definition is called %s", set)
			}
		}
	}
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("t.tsv", "index\tprompt\tfirst\tsecond\tanswer\ttopic\tprice\n1\thow much?\tone\ttwo\tA\tgauges\t3\n")
	columns := "columns: {question: prompt, A: first, B: second, category: topic}\n"
	s, err := OpenSuite(put("gauges.yaml", "tsv: t.tsv\nkind: vanilla\nprotocol: vlmevalkit-2025.08\nchance: 0.5\n"+columns), SuiteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if it := s.Items[0]; s.Name != "gauges" || s.Kind != Vanilla || s.Family != PlainChoice || it.Question != "how much?" || it.Choices[1].Text != "two" || it.Category != "gauges" ||
		!slices.Equal(s.Notes, []string{"the table has no pictures: questions are asked from their text alone", `column "price" is not read`}) {
		t.Errorf("found %+v", s)
	}
	if p, err := ProtocolForSuite(s, ""); err != nil || p.Name != VLMEvalKit202508 {
		t.Errorf("found %s, %v", p.Name, err)
	}
	for text, want := range map[string]string{
		"tsv: t.tsv\nkind: circulr\n" + columns:                `kind "circulr"`,
		"tsv: t.tsv\nfamily: x\n" + columns:                    `family "x"`,
		"tsv: t.tsv\ncolour: x\n" + columns:                    "field colour not found",
		"kind: vanilla\n":                                      "found no tsv",
		"tsv: other.yaml\n":                                    "expected a table",
		"tsv: t.tsv\nchance: 0.25\n" + columns:                 "found chance 0.25, expected 0.5000",
		"tsv: t.tsv\nprotocol: mmmu-official\n":                "no rules for",
		"tsv: t.tsv\ncolumns: {question: nosuch}\n":            `expected a column "question"`,
		"tsv: t.tsv\ncolumns: {quesion: prompt}\n":             `found column "quesion"`,
		"tsv: t.tsv\ncolumns: {question: prompt, hint: tip}\n": `expected a column "tip" for hint`,
	} {
		if _, err := OpenSuite(put("bad.yaml", text), SuiteOptions{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%q: found %v, expected %q", text, err, want)
		}
	}
}

// Every protocol asks and reads every benchmark that it knows, and names those that it does not.
func TestProtocolsAndFamilies(t *testing.T) {
	known := map[string]int{}
	for _, name := range ProtocolNames() {
		for _, f := range Families() {
			p, err := ProtocolFor(name, f)
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
	want := map[string]int{VLMEvalKit202406: 11, VLMEvalKit202508: 11, VLMEvalKit202608: 11, LLaVA15: 7, LMMSEval: 9, MMMUOfficial: 1, LLMAdapters: 1, LetterLogit: 8}
	if fmt.Sprint(known) != fmt.Sprint(want) {
		t.Errorf("found %v benchmarks, expected %v", known, want)
	}
}

func TestPromptsOfProtocols(t *testing.T) {
	it := Item{Hint: "h", Question: "what is IT?", Choices: []Choice{{'A', "x"}, {'B', "y"}}, Answer: "A"}
	open := Item{Question: "what is IT?", Form: FreeText, Answer: "x"}
	letter := "Answer with the option's letter from the given choices directly."
	short := "Answer the question using a single word or phrase."
	for _, c := range []struct {
		protocol string
		family   Family
		it       Item
		want     string
	}{
		{VLMEvalKit202406, MMBench, it, "h\nwhat is IT?\nA. x\nB. y\n" + letter},
		{VLMEvalKit202406, TextVQA, open, "what is IT?\n" + short + "\n"},
		{VLMEvalKit202508, TextVQA, open, "what is IT?\n" + short},
		{VLMEvalKit202406, POPE, Item{Question: "is it?"}, "is it?"},
		{LLaVA15, MMBench, it, "h\nwhat is IT?\nA. x\nB. y\n" + letter},
		{LLaVA15, MMBenchCN, it, "h\nwhat is IT?\nA. x\nB. y\n请直接回答选项字母。"},
		{LLaVA15, POPE, Item{Question: "is it?"}, "is it?\n" + short},
		{LLaVA15, TextVQA, Item{Question: "q?", Hint: "A, B"}, "q?\nReference OCR token: A, B\n" + short},
		{LLaVA15, MME, Item{Question: "is it? Please answer yes or no."}, "is it?\n" + short},
		{LMMSEval, MMBench, it, "h what is IT? There are several options:\nA. x\nB. y\n\n" + letter},
		{LMMSEval, TextVQA, open, "What is it?\n" + short},
		{LMMSEval, ScienceQA, it, "Context: h\nwhat is IT?\nA. x\nB. y\n" + letter},
		{MMMUOfficial, MMMU, Item{Question: "q?", Choices: it.Choices}, "q?\n(A) x\n(B) y\n\n" + letter},
		{MMMUOfficial, MMMU, open, "what is IT?\n" + short},
		{LLMAdapters, Commonsense, Item{Question: "i"}, "Below is an instruction that describes a task. Write a response that appropriately completes the request. \n\n                ### Instruction:\n                i\n\n                ### Response:\n                "},
	} {
		p, err := ProtocolFor(c.protocol, c.family)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Prompt(c.it); got != c.want {
			t.Errorf("%s for %s: found %q, expected %q", c.protocol, c.family, got, c.want)
		}
	}
}
