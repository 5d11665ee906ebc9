package datasets

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestColumns: columns under other names, and what is asked of rows without a question, in JSON, Arrow and Parquet.
func TestColumns(t *testing.T) {
	for _, c := range []struct {
		file    string
		opt     Options
		want    string // the turns, or what the error has
		refused bool
	}{
		{"caption", Options{Columns: map[string]string{"answer": "caption"}, Prompt: "What is it?"}, "human <image>\nWhat is it?|gpt a red square", false},
		{"caption", Options{Prompt: "What is it?"}, "human <image>\nWhat is it?|gpt a red square", false},
		{"caption", Options{Prompt: "Who says {caption} of {{it}}?"}, "human <image>\nWho says a red square of {it}?|gpt a red square", false},
		{"question_answer", Options{Columns: map[string]string{"answer": "question", "question": "answer"}}, "human <image>\nred|gpt what colour?", false},
		{"question_answer", Options{Prompt: "{question} One word."}, "human <image>\nwhat colour? One word.|gpt red", false},
		{"question_answer", Options{Prompt: "One word.", Ignore: []string{"question"}}, "human <image>\nOne word.|gpt red", false},
		{"question_answer", Options{Prompt: "One word."}, "prompt has no {question}, and the row has a question", true},
		{"question_answer", Options{Prompt: "{question} {hint}"}, "prompt: {hint} stands for a column, and no row has one; there are ", true},
		{"caption_text", Options{Columns: map[string]string{"caption": "text"}}, "human <image><image>|gpt a red square", false},
		{"caption_text", Options{Columns: map[string]string{"caption": "texst"}}, `columns: caption is to be column "texst", and no row has one; there are `, true},
		{"caption_text", Options{Columns: map[string]string{"captoin": "text"}}, `columns: "captoin" is no key of rows that is read: did you mean "caption"?`, true},
		{"caption_text", Options{Columns: map[string]string{"caption": ""}}, "columns: the column for caption has no name", true},
		{"caption_text", Options{Columns: map[string]string{"caption": "text", "answer": "text"}}, `columns: answer and caption are both to be column "text"`, true},
		{"caption_twice", Options{Columns: map[string]string{"caption": "text"}}, `column "caption" stands beside "text", which columns takes for caption (ignore: [caption] leaves it out)`, true},
		{"caption_twice", Options{Columns: map[string]string{"caption": "text"}, Ignore: []string{"caption"}}, "human <image>|gpt b", false},
		{"alpaca_null", Options{Columns: map[string]string{"response": "output", "query": "instruction"}, Ignore: []string{"input"}}, `response is null, expected a text (response is column "output")`, true},
		{"plain", Options{Prompt: "What?"}, "prompt is given, and what is asked stands in the row", true},
		{"alpaca", Options{Prompt: "What?", Format: FormatLLMAdapters}, "prompt is given beside format llm-adapters", true},
	} {
		for _, ext := range []string{".jsonl", ".arrow", ".parquet"} {
			path := filepath.Join("testdata", "rows", c.file+ext)
			x, err := firstRow(path, c.opt)
			if c.refused {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s with %v: error %v, want %q", path, c.opt, err, c.want)
				}
				continue
			}
			var turns []string
			for _, y := range x.Turns {
				turns = append(turns, y.From+" "+y.Value)
			}
			if got := strings.Join(turns, "|"); err != nil || got != c.want || x.Check() != nil {
				t.Errorf("%s with %v: %q, %v, want %q", path, c.opt, got, err, c.want)
			}
		}
	}
}

// TestIgnoredBesideColumns: the data's own name is ignored, and the column that stands for it is as strict as ever.
func TestIgnoredBesideColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	put(t, path, `{"question": 1, "q": 2, "answer": "a"}`)
	opt := Options{Values: true, Columns: map[string]string{"question": "q"}, Ignore: []string{"question"}}
	if _, err := OpenWith(path, opt); err == nil || !strings.Contains(err.Error(), "rows.jsonl:0: question is the number 2, expected a text") {
		t.Errorf("error %v", err)
	}
}

// TestPromptOfColumns: any column of texts may stand in a prompt, and is known then.
func TestPromptOfColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	put(t, path, `{"context": "It rains.", "category": "a", "question": "Does it?", "answers": {"text": ["yes"], "answer_start": [0]}}`)
	x, err := firstRow(path, Options{Prompt: "{context} {question} ({category})", Values: true})
	if err != nil || x.Turns[0].Value != "It rains. Does it? (a)" || x.Turns[1].Value != "yes" {
		t.Errorf("%v, %v", x.Turns, err)
	}
	if _, err := firstRow(path, Options{Prompt: "{question}"}); err == nil || !strings.Contains(err.Error(), `:0: context: key "context" is not known`) && !strings.Contains(err.Error(), `key "context" is not known`) {
		t.Errorf("error %v", err)
	}
}
