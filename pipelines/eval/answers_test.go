package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// What has no answer in the suite is asked, counted and in no score; where nothing has one, there is no score at all.
func TestQuestionsWithoutAnAnswer(t *testing.T) {
	const head = "index\tquestion\tA\tB\tanswer\tcategory\tl2-category\tsplit\n"
	const known, unknown = "1\tfirst\tx\ty\tA\tc\tl\tdev\n", "2\tsecond\tx\ty\t\t=d\tm\ttest\n"
	const yesNo = "index\tquestion\tanswer\tcategory\n"
	for _, c := range []struct {
		name, table string
		n, without  int
		line        string
		csv         string // empty: there is none
	}{
		{"all known", head + known, 1, 0, "accuracy 100.0 % (1 of 1,", "\"split\",\"Overall\",\"l\",\"c\"\n\"dev\",\"1.0\",\"1.0\",\"1.0\"\n"},
		{"one unknown", head + known + unknown, 1, 1, "left out: 1 of 2 questions, to which the suite has no answer",
			"\"split\",\"Overall\",\"l\",\"m\",\"'=d\",\"c\"\n\"dev\",\"1.0\",\"1.0\",\"\",\"\",\"1.0\"\n\"test\",\"\",\"\",\"\",\"\",\"\"\n"},
		{"none known", head + unknown, 0, 1, "no answers in the suite: predictions only, of 1 questions", ""},
		{"yes and no", yesNo + "1\tis it?\tyes\tc\n2\tis it not?\t\td\n", 1, 1, "left out: 1 of 2", "\"split\",\"Overall\",\"acc\",\"precision\",\"recall\"\n" +
			"\"Overall\",\"100.0\",\"100.0\",\"100.0\",\"100.0\"\n\"c\",\"100.0\",\"100.0\",\"100.0\",\"100.0\"\n"},
	} {
		s, err := readText(c.table, suites.Options{Name: "plain"})
		if err != nil {
			t.Fatal(err)
		}
		running := score.Share(score.NotKnown)
		res, err := Run(context.Background(), s, newOracle(s), Options{Progress: func(_, _ int, r score.Share) { running = r }})
		if err != nil {
			t.Fatal(err)
		}
		if all := res.Overall.Tally; all.N != c.n || res.Unlabelled != c.without || !strings.Contains(res.Line(), c.line) {
			t.Errorf("%s: found %d questions, %d without an answer, %s", c.name, all.N, res.Unlabelled, res.Line())
		}
		if (running == score.NotKnown) != (c.n == 0) {
			t.Errorf("%s: the bar says %v", c.name, running)
		}
		var b bytes.Buffer
		if c.csv != "" {
			if err := res.WriteCSV(&b); err != nil || b.String() != c.csv {
				t.Errorf("%s: found %s, expected %s, %v", c.name, b.String(), c.csv, err)
			}
		}
		j, err := json.Marshal(res.Overall)
		if err != nil || strings.Contains(string(j), `"n":0,"rows":0,"hits":0,"row_hits":0,"unresolved":0,"circular":0`) {
			t.Errorf("%s: an accuracy of nothing is null: %s, %v", c.name, j, err)
		}
		if c.without > 0 && c.n == 0 && !strings.Contains(string(j), `"circular":null`) {
			t.Errorf("%s: found %s", c.name, j)
		}
	}
}

// What compares with answers is refused, before anything is asked, where there are none.
func TestAnswersAreNeeded(t *testing.T) {
	s, err := readText("index\tquestion\tA\tB\n1\tq\tx\ty\n", suites.Options{Name: "mmbench"})
	if err != nil {
		t.Fatal(err)
	}
	for want, opt := range map[string]Options{"found stop early": {StopEarly: true}, "found a judge": {Judge: silent{}}} {
		o := newOracle(s)
		if _, err := Run(context.Background(), s, o, opt); err == nil || !strings.Contains(err.Error(), "has no answers: "+want) || o.calls > 0 {
			t.Errorf("found %v after %d calls, expected %q", err, o.calls, want)
		}
	}
}

// silent is a judge that is never asked.
type silent struct{}

func (silent) Ask(context.Context, string) (string, error) { panic("asked") }
func (silent) Name() string                                { return "silent" }

// A question whose text has places for more or fewer pictures than it has is refused by its row before anything is asked.
func TestMarkersAndPictures(t *testing.T) {
	s, err := readText("index\tquestion\tA\tB\tanswer\timage\n1\tfine?\tx\ty\tA\t"+square(t, 5)+"\n2\t<image> or <image>?\tx\ty\tA\t1\n", suites.Options{Name: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := protocols.For(protocols.LetterLogit, s.Family)
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(s)
	want := "item 2: protocol letter-logit: found 2 <image> in the question's text and 1 pictures"
	if _, err := Run(context.Background(), s, o, Options{Protocol: p}); err == nil || !strings.Contains(err.Error(), want) || o.calls > 0 {
		t.Errorf("found %v after %d calls, expected %q", err, o.calls, want)
	}
}
