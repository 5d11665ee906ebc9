package chat

import (
	"errors"
	"strings"
	"testing"
)

// What is drawn is what transformers draws (testdata/make_reasoning.py); what is supervised is reasoned by hand: everything that the model
// would write behind the generation prompt, and nothing of an answer that stands there otherwise.
func TestReasoning(t *testing.T) {
	tok := byteTokenizer(t)
	for _, s := range []string{"<think>", "</think>"} { // added tokens of such models, which end no turn
		if _, err := tok.AddSpecial(s); err != nil {
			t.Fatal(err)
		}
	}
	const q1, a1 = "<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\n", "A1<|im_end|>\n<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\n"
	want := map[string]string{
		"dropped/one":                        q1 + "<think>\n‹\n</think>\n\nA1<|im_end|>›\n",
		"dropped/one reasoned":               q1 + "<think>\n‹R1\n</think>\n\nA1<|im_end|>›\n",
		"dropped/one reasoned, tight":        q1 + "<think>\n‹R1</think>A1<|im_end|>›\n",
		"dropped/one of the tag's word":      q1 + "<think>\n‹\n</think>\n\nthink<|im_end|>›\n",
		"dropped/two":                        q1 + a1 + "<think>\n‹\n</think>\n\nA2<|im_end|>›\n",
		"dropped/two reasoned":               q1 + "\n\n" + a1 + "<think>\n‹R2\n</think>\n\nA2<|im_end|>›\n",
		"written around the last/one":        q1 + "‹<think>\n\n</think>\n\nA1<|im_end|>›\n",
		"written around the last/two":        q1 + a1 + "‹<think>\n\n</think>\n\nA2<|im_end|>›\n",
		"kept/two":                           q1 + "‹A1<|im_end|>›\n" + strings.TrimPrefix(a1, "A1<|im_end|>\n") + "‹A2<|im_end|>›\n",
		"dropped, plain prompt/one":          q1 + "‹A1<|im_end|>›\n",
		"dropped, plain prompt/two":          q1 + "‹A1<|im_end|>›\n" + strings.TrimPrefix(a1, "A1<|im_end|>\n") + "‹A2<|im_end|>›\n",
		"closed/one":                         q1 + "<think>\n</think>‹A1<|im_end|>›\n",
		"closed/one of the tag's word":       q1 + "<think>\n</think>‹think<|im_end|>›\n",
		"closed/two":                         q1 + a1 + "<think>\n</think>‹A2<|im_end|>›\n",
		"closed/one reasoned":                `reasoning ("R1"), and the template's generation prompt closes`,
		"closed/one reasoned, tight":         `reasoning ("R1"), and the template's generation prompt closes`,
		"closed/two reasoned":                `reasoning ("R2"), and the template's generation prompt closes`,
		"kept/one":                           q1 + "‹A1<|im_end|>›\n",
		"kept/one of the tag's word":         q1 + "‹think<|im_end|>›\n",
		"kept/one reasoned":                  q1 + "‹<think>\nR1\n</think>\n\nA1<|im_end|>›\n",
		"kept/one reasoned, tight":           q1 + "‹<think>R1</think>A1<|im_end|>›\n",
		"dropped, plain prompt/two reasoned": q1 + "\n\n" + a1 + "‹<think>\nR2\n</think>\n\nA2<|im_end|>›\n",
	}
	for kind, like := range map[string]string{"one reasoned": "dropped", "one reasoned, tight": "dropped", "one of the tag's word": "dropped", "one": "dropped", "two": "dropped"} {
		want["dropped from earlier/"+kind] = want[like+"/"+kind]
	}
	want["dropped from earlier/two reasoned"] = q1 + a1 + "<think>\n‹R2\n</think>\n\nA2<|im_end|>›\n"
	want["written around the last/one reasoned"] = q1 + "‹<think>\nR1\n</think>\n\nA1<|im_end|>›\n"
	want["written around the last/one reasoned, tight"] = want["written around the last/one reasoned"]
	want["written around the last/one of the tag's word"] = q1 + "‹<think>\n\n</think>\n\nthink<|im_end|>›\n"
	want["written around the last/two reasoned"] = q1 + a1 + "‹<think>\nR2\n</think>\n\nA2<|im_end|>›\n"
	want["kept/two reasoned"] = q1 + "‹<think>\nR1\n</think>\n\nA1<|im_end|>›\n" + strings.TrimPrefix(a1, "A1<|im_end|>\n") + "‹<think>\nR2\n</think>\n\nA2<|im_end|>›\n"
	want["dropped, plain prompt/one reasoned"] = q1 + "‹<think>\nR1\n</think>\n\nA1<|im_end|>›\n"
	want["dropped, plain prompt/one reasoned, tight"] = q1 + "‹<think>R1</think>A1<|im_end|>›\n"
	want["dropped, plain prompt/one of the tag's word"] = q1 + "‹think<|im_end|>›\n"

	keeps := map[string]bool{"kept": true, "dropped, plain prompt": true}
	for _, r := range readJSON[struct {
		Rows []struct {
			Name, Kind, Template string
			Messages             []goldenMessage
			Whole, Prompt        string
		}
	}](t, "reasoning.golden.json").Rows {
		name := r.Name + "/" + r.Kind
		tmpl, in := parsed(t, r.Template, nil), toMessages(t, r.Messages)
		last := len(in) - 1
		for _, c := range []struct {
			in     []Message
			prompt bool
			want   string
		}{{in, false, r.Whole}, {in[:last], true, r.Prompt}} {
			if got, err := tmpl.Render(c.in, c.prompt); err != nil || got != c.want {
				t.Errorf("%s: drawn %q (%v), transformers draws %q", name, got, err, c.want)
			}
		}
		if tmpl.KeepsAnswers(tok) != keeps[r.Name] {
			t.Errorf("%s: KeepsAnswers is %v", r.Name, !keeps[r.Name])
		}
		p, err := tmpl.Prompt(tok, in[:last], Options{})
		if err != nil {
			t.Errorf("%s: prompt: %v", name, err)
		} else if got := transcript(tok, Encoded{IDs: p.IDs, Labels: make([]int32, len(p.IDs))}); got != "‹"+r.Prompt+"›" {
			t.Errorf("%s: prompt %q, want %q", name, got, r.Prompt)
		}
		e, err := tmpl.Encode(tok, in, Options{})
		if err != nil {
			if !strings.Contains(err.Error(), want[name]) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		if got := transcript(tok, e); got != want[name] {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want[name])
		}
		if turns := strings.Count(want[name], "‹"); e.Context != len(in)/2-turns {
			t.Errorf("%s: %d answers are context, %d of %d are supervised", name, e.Context, turns, len(in)/2)
		}
		checkPrompt(t, name, e, p)
	}
}

// checkPrompt: the last answer is supervised from behind what the model reads when it is asked for it.
func checkPrompt(t *testing.T, name string, e, p Encoded) {
	t.Helper()
	n := len(p.IDs)
	for i, id := range p.IDs {
		if e.IDs[i] != id {
			t.Fatalf("%s: the prompt is not the beginning of the whole", name)
		}
	}
	if e.Labels[n-1] != IgnoreIndex || e.Labels[n] == IgnoreIndex {
		t.Errorf("%s: the answer does not start at %d", name, n)
	}
}

// A conversation that goes on behind its last answer has nothing to teach where templates rewrite answers.
func TestReasoningThatIsNotAsked(t *testing.T) {
	rows := readJSON[struct{ Rows []struct{ Template string } }](t, "reasoning.golden.json").Rows
	in := []Message{{Role: "user", Content: "a"}, {Role: "assistant", Content: "b"}, {Role: "user", Content: "c"}}
	e, err := parsed(t, rows[0].Template, nil).Encode(byteTokenizer(t), in, Options{})
	if !errors.Is(err, ErrNoTargets) || e.Context != 1 {
		t.Errorf("error %v, %d answers of context", err, e.Context)
	}
}
