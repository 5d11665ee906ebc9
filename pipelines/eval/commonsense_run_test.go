package eval

import (
	"context"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

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

func TestCommonsenseSuite(t *testing.T) {
	s, err := OpenSuite("suites/testdata/openbookqa/test.json", suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := protocols.ForSuite(s, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		second, extracted, rule string
		hits                    int
	}{
		{"the correct answer is answer2", "B", protocols.RuleWord, 2},
		{"the correct answer is answer5", "Z", protocols.RuleNone, 1},
		{"ash ### Response: answer2", "", protocols.RuleUnresolved, 1},
		{"Answer2", "", protocols.RuleUnresolved, 1},
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
