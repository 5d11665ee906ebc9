package eval

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExtractCommonsense compares with the upstream function's answers.
func TestExtractCommonsense(t *testing.T) {
	raw, err := os.ReadFile("testdata/commonsense_extract.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct{ Dataset, In, Out string }
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 20 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		if got, err := ExtractCommonsense(r.Dataset, r.In); err != nil || got != r.Out {
			t.Errorf("%s: %q gives %q, %v, upstream has %q", r.Dataset, r.In, got, err, r.Out)
		}
	}
	if got, _ := ExtractCommonsense("ARC-Easy", "answer10"); got != "answer1" {
		t.Errorf("answer10 gives %q", got)
	}
	if _, err := ExtractCommonsense("arc", ""); err == nil || !strings.Contains(err.Error(), `found set "arc", expected one of boolq, piqa`) {
		t.Errorf("error %v", err)
	}
}

// The prompt for evaluation, to the byte.
func TestPromptCommonsense(t *testing.T) {
	want := "Below is an instruction that describes a task. Write a response that appropriately completes the request. \n\n                ### Instruction:\n                Is it?\n\n                ### Response:\n                "
	if got := promptCommonsense(Item{Question: "Is it?"}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// raw answers what a commonsense model might, and notes how it is asked.
type raw struct {
	t       *testing.T
	answers map[string]string // by a piece of the prompt
}

func (r raw) TakesPictures() error { return nil }

func (r raw) Answer(_ context.Context, questions []Question, opt AnswerOptions) ([]string, error) {
	out := make([]string, len(questions))
	for i, q := range questions {
		if len(q.Pictures) > 0 || !opt.Raw || opt.Beams != 4 || opt.MaxNewTokens != 32 {
			r.t.Errorf("asked with %d pictures and %+v", len(q.Pictures), opt)
		}
		for piece, a := range r.answers {
			if strings.Contains(q.Prompt, piece) {
				out[i] = a
			}
		}
	}
	return out, nil
}

func (r raw) Letters(context.Context, []Question, []string) ([][]float64, error) {
	r.t.Error("asked for letters")
	return nil, nil
}

func writeQuestions(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "openbookqa")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test.json")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// openCommonsense reads a file as a list of questions, whatever it looks like.
func openCommonsense(path string) (*Suite, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return readCommonsense(path, raw, SuiteOptions{})
}

const twoQuestions = `[
 {"instruction": "Please choose the correct answer to the question: What melts?\n\nAnswer1: ice Answer2: air Answer3: time\n\nAnswer format: answer1/answer2/answer3", "input": "", "output": "the correct answer is answer1", "answer": "answer1"},
 {"instruction": "Please choose the correct answer to the question: What burns?\n\nAnswer1: ash Answer2: wood Answer3: sand\n\nAnswer format: answer1/answer2/answer3", "input": "", "output": "the correct answer is answer2", "answer": "answer2"}
]`

func TestCommonsenseSuite(t *testing.T) {
	s, err := openCommonsense(writeQuestions(t, twoQuestions))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "openbookqa" || len(s.Items) != 2 || s.Family != Commonsense || s.Items[1].Answer != "B" || s.Items[0].Category != "openbookqa" {
		t.Errorf("%+v", s)
	}
	p, err := ProtocolForSuite(s, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		second, extracted, rule string
		hits                    int
	}{
		{"the correct answer is answer2", "B", RuleWord, 2},
		{"the correct answer is answer5", "Z", RuleNone, 1},
		{"ash ### Response: answer2", "", RuleUnresolved, 1},
		{"Answer2", "", RuleUnresolved, 1},
	} {
		res, err := Run(context.Background(), s, raw{t, map[string]string{"melts": "the correct answer is answer1", "burns": c.second}}, Options{Protocol: p})
		if err != nil {
			t.Fatal(err)
		}
		if v := res.Verdicts[1]; v.Extracted != c.extracted || v.Rule != c.rule || res.Overall.Hits != c.hits {
			t.Errorf("%q: %+v, %d right, want %q by %s", c.second, v, res.Overall.Hits, c.extracted, c.rule)
		}
	}
}

func TestWrongCommonsense(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"input": ""`, `"input": "x"`, `row 0: found input "x", expected none`},
		{`"answer": "answer2"`, `"answer": "answer4"`, `row 1: found answer "answer4", expected one that the instruction offers`},
		{`"answer": "answer2"`, `"note": "answer4"`, "row 1: found no instruction or no answer"},
		{`answer1/answer2/answer3"`, `A/B"`, `row 0: found answer format "A", expected words such as`},
		{`Answer format:`, `Form:`, `row 0: found no "Answer format:"`},
		{`[`, `{`, "expected an array of questions"},
	} {
		path := writeQuestions(t, strings.Replace(twoQuestions, c.old, c.new, 1))
		if _, err := openCommonsense(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q", c.new, err, c.want)
		}
	}
}
