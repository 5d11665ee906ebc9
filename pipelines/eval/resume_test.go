package eval

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

func TestRunResumes(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	path := filepath.Join(t.TempDir(), "sub", "verdicts.jsonl")
	opt := Options{VerdictsPath: path, Model: "m1", Together: 4}
	o := newOracle(s)
	o.wrong[3000002] = "no \u2028 <idea> \xff"
	o.fail = 4
	if _, err := Run(context.Background(), s, o, opt); err == nil || !strings.Contains(err.Error(), "item 4: out of memory") {
		t.Fatalf("found %v, expected the answerer's error", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("\n")); n != 12 {
		t.Fatalf("found %d verdicts after 3 questions, expected 12", n)
	}
	// A kill in the middle of a line, in the middle of a question.
	lines := bytes.SplitAfter(b, []byte("\n"))
	torn := append(bytes.Join(lines[:10], nil), lines[10][:40]...)
	if err := os.WriteFile(path, torn, 0o644); err != nil {
		t.Fatal(err)
	}
	o2 := newOracle(s)
	o2.wrong = o.wrong
	res, err := Run(context.Background(), s, o2, opt)
	if err != nil {
		t.Fatal(err)
	}
	if o2.prompts != 14 {
		t.Errorf("found %d prompts asked again, expected the 14 missing ones", o2.prompts)
	}
	whole, err := Run(context.Background(), s, &oracle{byPrompt: o.byPrompt, wrong: o.wrong, sizes: o.sizes}, Options{Model: "m1"})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(res, whole) {
		t.Errorf("resumed %+v\nwhole %+v", res, whole)
	}
	vs, err := ReadVerdicts(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := score.Of(s.Items, vs)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Overall, res.Overall) {
		t.Errorf("scored from the file %+v, expected %+v", again.Overall, res.Overall)
	}
	for _, other := range []Options{{Model: "m2"}, {Model: "m1", Blank: true}, {Model: "m1", Protocol: mustProtocol(t, protocols.LetterLogit)}} {
		other.VerdictsPath = path
		if _, err := Run(context.Background(), s, o2, other); err == nil || !strings.Contains(err.Error(), "write to another directory") {
			t.Errorf("found %v, expected a refusal to mix", err)
		}
	}
}

// TestAnswersAreReadAgain: a resumed run makes everything that follows from an answer anew, in the file, too.
func TestAnswersAreReadAgain(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	opt := Options{VerdictsPath: filepath.Join(t.TempDir(), "verdicts.jsonl")}
	want, err := Run(context.Background(), s, newOracle(s), opt)
	if err != nil {
		t.Fatal(err)
	}
	old, err := ReadVerdicts(opt.VerdictsPath)
	if err != nil {
		t.Fatal(err)
	}
	old[1].Extracted, old[1].Rule, old[1].Correct = "Z", protocols.RuleRefusal, false
	if err := WriteVerdicts(opt.VerdictsPath, old[:20]); err != nil {
		t.Fatal(err)
	}
	o := newOracle(s)
	got, err := Run(context.Background(), s, o, opt)
	if err != nil {
		t.Fatal(err)
	}
	vs, err := ReadVerdicts(opt.VerdictsPath)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(vs, want.Verdicts) || o.prompts != 4 {
		t.Errorf("found %d prompts, and a result or a file that is not as before", o.prompts)
	}
}
