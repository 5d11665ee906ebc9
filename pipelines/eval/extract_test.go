package eval

import (
	"encoding/json"
	"os"
	"testing"
)

// The rows are outputs of VLMEvalKit's own can_infer.
func TestInferChoiceMatchesVLMEvalKit(t *testing.T) {
	b, err := os.ReadFile("testdata/mmbench_can_infer.json")
	if err != nil {
		t.Fatal(err)
	}
	var sets map[string]json.RawMessage
	if err := json.Unmarshal(b, &sets); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Text    string
		Choices string
		Want    any `json:"vlmevalkit_2024_06"`
	}
	if err := json.Unmarshal(sets["rows"], &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 99 {
		t.Fatalf("found %d rows, expected the whole golden", len(rows))
	}
	for _, row := range rows {
		var texts map[string]string
		if err := json.Unmarshal(sets[row.Choices], &texts); err != nil {
			t.Fatal(err)
		}
		want, _ := row.Want.(string) // false: unresolved
		if got := inferChoice(choiceItem(texts), row.Text); got.Answer != want {
			t.Errorf("%q with %s: found %q by %s, expected %q", row.Text, row.Choices, got.Answer, got.Rule, want)
		}
	}
}

func choiceItem(texts map[string]string) Item {
	it := Item{ID: 1, Question: "?"}
	for _, l := range alphabet {
		if text, ok := texts[string(l)]; ok {
			it.Choices = append(it.Choices, Choice{byte(l), text})
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
		if got := inferChoice(it, c.text); got.Answer != c.want || got.Rule != c.rule {
			t.Errorf("%q: found %q by %s, expected %q by %s", c.text, got.Answer, got.Rule, c.want, c.rule)
		}
	}
}

func TestInferYesNoMatchesVLMEvalKit(t *testing.T) {
	b, err := os.ReadFile("testdata/yesno.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		In   string
		Want string `json:"vlmevalkit_YOrN"`
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 10 {
		t.Fatalf("found %d rows, expected the whole golden", len(rows))
	}
	rows = append(rows, []struct {
		In   string
		Want string `json:"vlmevalkit_YOrN"`
	}{{"yes/no", "Unknown"}, {"yes,there", "Yes"}, {"yes, there", "Yes"}, {"1,000 yes!no", "Unknown"}, {"no.1", "Unknown"}, {"(no)", "No"}}...)
	for _, row := range rows {
		want := row.Want
		if want == "Unknown" {
			want = ""
		}
		if got := inferYesNo(row.In); got.Answer != want {
			t.Errorf("%q: found %q, expected %q", row.In, got.Answer, want)
		}
	}
}
