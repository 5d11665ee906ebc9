package eval

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// clerk is a judge that says the same to everything, and fails at one call.
type clerk struct {
	name, says string
	fail       int // the call that fails, from 1
	prompts    []string
}

func (c *clerk) Name() string { return c.name }

func (c *clerk) Ask(_ context.Context, prompt string) (string, error) {
	c.prompts = append(c.prompts, prompt)
	if len(c.prompts) == c.fail {
		return "", errors.New("status 500")
	}
	return c.says, nil
}

// vague is an oracle whose answers to some rows are in no option's words.
func vague(s *suites.Suite, ids ...int64) *oracle {
	o := newOracle(s)
	for _, id := range ids {
		o.wrong[id] = "something like that"
	}
	return o
}

func TestRunAsksTheJudge(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	want := s.Items[slices.IndexFunc(s.Items, func(it suites.Item) bool { return it.ID == 1000003 })].Answer
	j := &clerk{name: "m", says: want}
	o := vague(s, 1000003, 2, 1000002)
	o.wrong[3000002] = "Z" // question 2 is lost: the judge is not asked about it
	res, err := Run(context.Background(), s, o, Options{Judge: j})
	if err != nil {
		t.Fatal(err)
	}
	if res.Overall.Hits != 5 || res.Judge != "m" || res.Judged != 1 || len(j.prompts) != 1 || res.Overall.Unresolved != 2 {
		t.Errorf("found %d hits, judge %q, %d judged in %d calls, %d unresolved", res.Overall.Hits, res.Judge, res.Judged, len(j.prompts), res.Overall.Unresolved)
	}
	for _, v := range res.Verdicts {
		if (v.ID == 1000003) != (v.Rule == protocols.RuleJudge) || (v.Judge == "m") != (v.Rule == protocols.RuleJudge) {
			t.Errorf("found %+v", v)
		}
	}
	early, err := Run(context.Background(), s, o, Options{Judge: &clerk{name: "m", says: want}, StopEarly: true})
	if err != nil || early.Overall.Hits != res.Overall.Hits || early.Overall.Circular != res.Overall.Circular {
		t.Errorf("found %v, %v stopped early, expected %d hits", early, err, res.Overall.Hits)
	}
	plain, err := Run(context.Background(), s, o, Options{})
	if err != nil || plain.Overall.Hits != 4 || plain.Judge != "" || plain.Judged != 0 {
		t.Errorf("found %v, %v without a judge", plain, err)
	}
	logit, err := protocols.ForSuite(s, protocols.LetterLogit)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), s, o, Options{Protocol: logit, Judge: j}); err == nil || !strings.Contains(err.Error(), "protocol letter-logit has none") {
		t.Errorf("found %v", err)
	}
}

// What a judge has said stays said, what it has not is asked again, and no file is read with another judge.
func TestJudgedRunResumes(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	path := filepath.Join(t.TempDir(), "verdicts.jsonl")
	ids := []int64{1, 1000002, 3, 2000004, 5, 6}
	run := func(o *oracle, j Judge) (*score.Result, error) {
		return Run(context.Background(), s, o, Options{Judge: j, VerdictsPath: path, Together: 4})
	}
	whole, err := Run(context.Background(), s, vague(s, ids...), Options{Judge: &clerk{name: "m", says: "A"}})
	if err != nil {
		t.Fatal(err)
	}

	failing := &clerk{name: "m", says: "A", fail: 3}
	if _, err := run(vague(s, ids...), failing); err == nil || !strings.Contains(err.Error(), "suite emoji_en: item 3: judge: status 500") {
		t.Fatalf("found %v, expected the judge's failure", err)
	}
	vs, err := ReadVerdicts(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(vs) != 12 || vs[len(vs)-4].Rule != protocols.RuleUnresolved {
		t.Errorf("found %d verdicts, expected the answers to three questions, the last of which is not judged: %+v", len(vs), vs)
	}
	o, j := vague(s, ids...), &clerk{name: "m", says: "A"}
	res, err := run(o, j)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(res, whole) {
		t.Errorf("found %+v after an interruption, expected %+v", res.Overall.Tally, whole.Overall.Tally)
	}
	if o.prompts != 12 || len(j.prompts) != 4 {
		t.Errorf("asked %d prompts and the judge %d times, expected 12 and 4", o.prompts, len(j.prompts))
	}
	o, j = vague(s), &clerk{name: "m", says: "A", fail: 1}
	if res, err = run(o, j); err != nil || o.calls != 0 || len(j.prompts) != 0 || !reflect.DeepEqual(res, whole) {
		t.Errorf("found %v, %d calls, the judge asked %d times of a run that was finished", err, o.calls, len(j.prompts))
	}
	for _, other := range []Judge{nil, &clerk{name: "n"}} {
		if _, err := run(o, other); err == nil || !strings.Contains(err.Error(), `by judge "m", expected `) {
			t.Errorf("found %v with another judge", err)
		}
	}
	joined, err := Join(s, []*score.Result{res})
	if err != nil || !reflect.DeepEqual(joined, whole) {
		t.Errorf("found %v, %v joined", joined, err)
	}
}

// A run without a judge is judged when it is run again with one; a failure on the way keeps what was said.
func TestJudgeComesLater(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	path := filepath.Join(t.TempDir(), "verdicts.jsonl")
	ids := []int64{1, 1000002, 3}
	opt := Options{VerdictsPath: path}
	if _, err := Run(context.Background(), s, vague(s, ids...), opt); err != nil {
		t.Fatal(err)
	}
	opt.Judge = &clerk{name: "m", says: "A", fail: 2}
	if _, err := Run(context.Background(), s, newOracle(s), opt); err == nil || !strings.Contains(err.Error(), "status 500") {
		t.Fatalf("found %v", err)
	}
	b, err := os.ReadFile(path)
	if err != nil || strings.Count(string(b), `"rule":"judge","judge":"m"`) != 1 {
		t.Errorf("found %v, %s", err, b)
	}
	j := &clerk{name: "m", says: "A"}
	opt.Judge = j
	res, err := Run(context.Background(), s, newOracle(s), opt)
	if err != nil || res.Judged != 3 || len(j.prompts) != 2 {
		t.Fatalf("found %v, %d calls", err, len(j.prompts))
	}
	if b, err = os.ReadFile(path); err != nil || strings.Count(string(b), `"judge":"m"`) != 3 {
		t.Errorf("found %v, %s", err, b)
	}
}
