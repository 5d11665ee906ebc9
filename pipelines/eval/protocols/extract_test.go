package protocols

import (
	"testing"

	"moslava/pipelines/eval/suites"
)

func choiceItem(texts map[string]string) suites.Item {
	it := suites.Item{ID: 1, Question: "?"}
	for l := 'A'; l <= 'Z'; l++ {
		if text, ok := texts[string(l)]; ok {
			it.Choices = append(it.Choices, suites.Choice{Letter: byte(l), Text: text})
		}
	}
	return it
}

func TestInferChoiceRules(t *testing.T) {
	it := choiceItem(map[string]string{"A": "Straße", "B": "ΟΔΟΣ", "C": "cat", "D": "İstanbul"})
	for _, c := range []struct{ text, want, rule string }{
		{"A", "A", RuleLetter},
		{"A cat is on the mat", "A", RuleLetter}, // the article counts as a letter in this version
		{"a cat", "C", RuleText},
		{"cat or i̇stanbul", "", RuleUnresolved},
		{"οδος", "B", RuleText}, // final sigma in both
		{"i̇stanbul", "D", RuleText},
		{"B\x1fis right", "B", RuleLetter},
		{"Z", "Z", RuleNone},
		{"Z or A", "A", RuleLetter},
		{"A B", "", RuleUnresolved},
		{"I'm sorry, but without the image provided A", "Z", RuleRefusal},
		{"Failed to obtain answer via API. A cat", "C", RuleText}, // letters are not looked for, texts are
		{"", "", RuleUnresolved},
	} {
		if got := (choiceRules{}.inferChoice(it, c.text)); got.Answer != c.want || got.Rule != c.rule {
			t.Errorf("%q: found %q by %s, expected %q by %s", c.text, got.Answer, got.Rule, c.want, c.rule)
		}
	}
}

func TestInferYesNo(t *testing.T) {
	for in, want := range map[string]string{"yes/no": "", "yes,there": "Yes", "yes, there": "Yes", "1,000 yes!no": "", "no.1": "", "(no)": "No"} {
		if got := inferYesNo(in); got.Answer != want {
			t.Errorf("%q: found %q, expected %q", in, got.Answer, want)
		}
	}
}
