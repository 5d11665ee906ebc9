package datasets

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestPairs: the forms in which pairs of answers come.
func TestPairs(t *testing.T) {
	for name, c := range map[string]struct{ row, want, refused string }{
		"trl, prompt": {`{"prompt": "q", "chosen": "a", "rejected": "b"}`, "human q|gpt a / human q|gpt b", ""},
		"trl, conversational prompt": {`{"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}`,
			"human q|gpt a / human q|gpt b", ""},
		"trl, whole": {`{"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}`,
			"human q|gpt a / human q|gpt b", ""},
		"ultrafeedback": {`{"prompt": "q", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}`,
			"human q|gpt a / human q|gpt b", ""},
		"rlhf-v": {`{"question": "q", "image": "a.png", "chosen": "a", "rejected": "b"}`, "human <image>\nq|gpt a / human <image>\nq|gpt b", ""},
		"llama-factory": {`{"conversations": [{"from": "human", "value": "<image>q"}, {"from": "gpt", "value": "r"}, {"from": "human", "value": "s"}], "images": ["a.png"], "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "gpt", "value": "b"}}`,
			"human <image>q|gpt r!|human s|gpt a / human <image>q|gpt r!|human s|gpt b", ""},
		"ms-swift": {`{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected_response": "b"}`, "human q|gpt a / human q|gpt b", ""},
		"alpaca":   {`{"instruction": "q", "input": "r", "chosen": "a", "rejected": "b"}`, "human q\nr|gpt a / human q\nr|gpt b", ""},
		"query":    {`{"query": "q", "chosen": "a", "rejected": "b"}`, "human q|gpt a / human q|gpt b", ""},

		"same":          {`{"prompt": "q", "chosen": "a", "rejected": "a"}`, "", "chosen and rejected are the same"},
		"one answer":    {`{"prompt": "q", "chosen": "a"}`, "", "no pair of answers"},
		"no pair":       {`{"question": "q", "answer": "a"}`, "", "no pair of answers"},
		"null":          {`{"prompt": "q", "chosen": "a", "rejected": null}`, "", "no pair of answers"},
		"nothing asked": {`{"chosen": "a", "rejected": "b"}`, "", "an answer without what it answers"},
		"three answers": {`{"question": "q", "answer": "c", "chosen": "a", "rejected": "b"}`, "", "answer stands beside chosen and rejected"},
		"other prompt": {`{"prompt": "p", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}`,
			"", "prompt is not the first question"},
		"prefix":     {`{"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}]}`, "", "does not end with an answer|is where the other begins"},
		"both forms": {`{"messages": [{"role": "user", "content": "q"}], "chosen": "a", "rejected": "b", "rejected_response": "c"}`, "", "rejected_response stands beside"},
		"a number":   {`{"prompt": "q", "chosen": "a", "rejected": 5}`, "", "rejected"},
	} {
		path := filepath.Join(t.TempDir(), "rows.jsonl")
		put(t, path, c.row+"\n")
		put(t, filepath.Join(filepath.Dir(path), "a.png"), "A")
		x, err := firstRow(path, Options{Pairs: true})
		if c.refused != "" {
			if err == nil || !anyOf(err.Error(), strings.Split(c.refused, "|")) || !strings.Contains(err.Error(), "rows.jsonl:0") {
				t.Errorf("%s: error %v, want %q", name, err, c.refused)
			}
			continue
		}
		if got := spoken(x.Turns) + " / " + spoken(x.Rejected); err != nil || got != c.want || x.Check() != nil {
			t.Errorf("%s: %q, %v, %v, want %q", name, got, err, x.Check(), c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	put(t, path, `{"prompt": "q", "chosen": "a", "rejected": "b"}`)
	if _, err := firstRow(path, Options{}); err == nil || !strings.Contains(err.Error(), "in a stage with preference") {
		t.Errorf("a pair outside a stage that learns pairs: %v", err)
	}
}

func anyOf(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// spoken are turns in a line; ! marks an answer that is not learnt.
func spoken(turns []Turn) string {
	var out []string
	for _, t := range turns {
		mark := ""
		if t.Context {
			mark = "!"
		}
		out = append(out, t.From+" "+t.Value+mark)
	}
	return strings.Join(out, "|")
}

// TestPairsLieTogether: a batch has the rejected sequence behind the chosen one, and its size counts pairs.
func TestPairsLieTogether(t *testing.T) {
	src := new(memory)
	for i := range 5 {
		q := Turn{From: Human, Value: strings.Repeat("q", i+1)}
		src.rows = append(src.rows, Sample{Turns: []Turn{q, {From: GPT, Value: "aa"}}, Rejected: []Turn{q, {From: GPT, Value: "b"}}})
	}
	for _, b := range collect(t, src, LoadOptions{BatchSize: 2, Epochs: 1, InOrder: true}, Position{}, -1)[:2] {
		if b.Len() != 4 {
			t.Fatalf("%d sequences of two pairs", b.Len())
		}
		for i := 0; i < 4; i += 2 {
			if a, r := b.Offsets[i+1]-b.Offsets[i], b.Offsets[i+2]-b.Offsets[i+1]; a != r+1 {
				t.Errorf("chosen has %d ids and rejected %d", a, r)
			}
		}
	}
	for _, b := range collect(t, src, LoadOptions{TokenBudget: 12, Epochs: 1, InOrder: true}, Position{}, -1) {
		if b.Len()%2 != 0 || b.Len() > 2 && len(b.IDs) > 12 {
			t.Errorf("%d sequences of %d tokens", b.Len(), len(b.IDs))
		}
	}
}
