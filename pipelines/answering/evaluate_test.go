package answering_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/internal/device"
	"moslava/pipelines/answering"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/engine"
	"moslava/pipelines/engine/answers"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/records"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/suitedir"
)

// askable is an exported model of two tiny towers that were tuned a little, and a circular suite of 96 questions.
func askable(t *testing.T) (model, suite string) {
	t.Helper()
	dir := t.TempDir()
	mustRun(t, recipetest.Parse(t, filepath.Join(dir, "run"), recipetest.Towers+`stages:
  - {kind: tune, data: "scenes:tune?n=32&seed=2", steps: 20, lr: 1e-2, batch: 4, train: [projector, language]}
  - {kind: export}
`))
	suite = filepath.Join(dir, "questions.tsv")
	err := atomicfile.WriteFile(suite, func(w io.Writer) error { return scenes.TestTSV(w, 96, scenes.Test, 5) })
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "run", "01-export", "hf"), suite
}

// evaluated evaluates a model.
func evaluated(t *testing.T, model, suite string, opt answering.EvaluateOptions) *score.Result {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	res, err := answering.Evaluate(context.Background(), model, suite, opt)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// recordFiles are those of a suite's directory whose bytes are decided by verdicts alone.
var recordFiles = []string{eval.VerdictsFile, score.ResultFile, score.AccuraciesFile, records.TSVFile}

func sameRecords(t *testing.T, got, want string) {
	t.Helper()
	for _, name := range recordFiles {
		g, err := os.ReadFile(filepath.Join(got, name))
		if err != nil {
			t.Fatal(err)
		}
		w, err := os.ReadFile(filepath.Join(want, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(g) != string(w) {
			t.Errorf("%s has other bytes: %d and %d", name, len(g), len(w))
		}
	}
	if _, err := os.Stat(filepath.Join(got, records.XLSXFile)); err != nil {
		t.Error(err)
	}
}

// TestThreadsChangeNoAnswer: one thread and several give the same verdicts, byte for byte.
func TestThreadsChangeNoAnswer(t *testing.T) {
	before := device.Host.Threads()
	defer device.Host.SetThreads(before)
	model, suite := askable(t)
	dir := t.TempDir()
	for _, n := range []int{1, 2, 3} {
		evaluated(t, model, suite, answering.EvaluateOptions{Threads: n, Limit: 24, Dir: filepath.Join(dir, fmt.Sprint(n))})
	}
	sameRecords(t, filepath.Join(dir, "2"), filepath.Join(dir, "1"))
	sameRecords(t, filepath.Join(dir, "3"), filepath.Join(dir, "1"))
}

// single is an Answerer that asks each question by itself, so that nothing is batched.
type single struct{ answers.Model }

func (s single) Answer(ctx context.Context, questions []eval.Question, opt eval.AnswerOptions) ([]string, error) {
	var out []string
	for i := range questions {
		if err := s.Idle(); err != nil {
			return nil, err
		}
		a, err := s.Model.Answer(ctx, questions[i:i+1], opt)
		if err != nil {
			return nil, err
		}
		out = append(out, a...)
	}
	return out, nil
}

// answerer is a model that can be asked, and a suite for it. The number of threads is put back at the end.
func answerer(t *testing.T) (answers.Model, string) {
	t.Helper()
	before := device.Host.Threads()
	t.Cleanup(func() { device.Host.SetThreads(before) })
	model, path := askable(t)
	a, err := answering.Open(t.Context(), model, answering.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a, path
}

// TestSuiteAnswersAlone: a suite asked in batches, and prompt by prompt with nothing shared has the same
// verdicts, on one thread and on two; so has one with passes left out.
func TestSuiteAnswersAlone(t *testing.T) {
	a, path := answerer(t)
	suite, err := eval.OpenSuite(path, suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var want *score.Result
	texts := map[string]bool{}
	for _, threads := range []int{1, 2} {
		device.Host.SetThreads(threads)
		for name, asked := range map[string]eval.Answerer{"batches": a, "one by one": single{a}} {
			got, err := eval.Run(context.Background(), suite, asked, eval.Options{Limit: 18})
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %d threads: other verdicts", name, threads)
			}
		}
	}
	for _, v := range want.Verdicts {
		texts[v.Raw] = true
	}
	if len(texts) < 2 {
		t.Errorf("the model has the same answer to everything: %v", texts)
	}
	early, err := eval.Run(context.Background(), suite, a, eval.Options{Limit: 18, StopEarly: true})
	if err != nil {
		t.Fatal(err)
	}
	if early.Overall.Hits != want.Overall.Hits || early.Overall.Circular != want.Overall.Circular {
		t.Errorf("stopped early %d hits, expected %d", early.Overall.Hits, want.Overall.Hits)
	}
	for i, v := range early.Verdicts {
		if v.Rule != protocols.RuleNotAsked && !reflect.DeepEqual(v, want.Verdicts[i]) {
			t.Errorf("item %d: %q when stopped early, expected %q", v.ID, v.Raw, want.Verdicts[i].Raw)
		}
	}
}

// TestSeveralPicturesAlone: questions about one picture, two, the same two in the other order and none are answered the
// same in batches, by pictures and one by one, on one thread and on two, and so are their grey ones.
func TestSeveralPicturesAlone(t *testing.T) {
	a, path := answerer(t)
	a.Engine = engine.New(a.Engine.Model, a.Processor, engine.Limits{CacheBytes: 4 << 20}) // requests wait for others
	scenes, err := eval.OpenSuite(path, suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var pictures []string
	for _, it := range scenes.Items[:40:40] {
		b, err := scenes.Picture(it.ImageKey)
		if err != nil {
			t.Fatal(err)
		}
		if text := base64.StdEncoding.EncodeToString(b); !slices.Contains(pictures, text) {
			pictures = append(pictures, text)
		}
	}
	table := "index\tquestion\tA\tB\tanswer\timage\n"
	for i := range 24 {
		one, other := pictures[i/4%len(pictures)], pictures[(i/4+1)%len(pictures)]
		cell := []string{one, "['" + one + "', '" + other + "']", "['" + other + "', '" + one + "']", "['" + one + "', '" + one + "']"}[i%4]
		table += fmt.Sprintf("%d\twhat do <image 1> and <image %d> mostly show? (%d)\tcircles\tsquares\tA\t%s\n", i+1, 1+min(i%4, 1), i%8, cell)
	}
	suite, err := suites.Read("MMMU", strings.NewReader(table), suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	logit, err := protocols.Named(protocols.LetterLogit)
	if err != nil {
		t.Fatal(err)
	}
	named, err := protocols.ForSuite(suite, protocols.LMMSEval)
	if err != nil {
		t.Fatal(err)
	}
	named.MaxNewTokens = 6
	for _, opt := range []eval.Options{{Protocol: named}, {Protocol: logit}, {Protocol: logit, Blank: true}} {
		var want *score.Result
		for _, threads := range []int{1, 2} {
			device.Host.SetThreads(threads)
			for name, asked := range map[string]eval.Answerer{"batches": a, "one by one": single{a}} {
				got, err := eval.Run(context.Background(), suite, asked, opt)
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, blank %t, %s, %d threads: other verdicts", opt.Protocol.Name, opt.Blank, name, threads)
				}
			}
		}
		answers := map[string]bool{}
		for _, v := range want.Verdicts {
			answers[fmt.Sprint(v.Raw, v.LogProbs)] = true
		}
		if len(answers) < 2 {
			t.Errorf("%s, blank %t: the same answer to everything: %v", opt.Protocol.Name, opt.Blank, answers)
		}
	}
}

// TestShardsJoin: shards put together are the files of the whole.
func TestShardsJoin(t *testing.T) {
	model, suite := askable(t)
	dir := t.TempDir()
	evaluated(t, model, suite, answering.EvaluateOptions{Limit: 13, Dir: filepath.Join(dir, "whole")})
	var parts []string
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		part := filepath.Join(dir, strings.ReplaceAll(shard, "/", "-"))
		evaluated(t, model, suite, answering.EvaluateOptions{Limit: 13, Shard: shard, Dir: part})
		parts = append(parts, part)
	}
	if _, err := suitedir.Join(t.Context(), suite, parts, filepath.Join(dir, "joined"), false); err != nil {
		t.Fatal(err)
	}
	sameRecords(t, filepath.Join(dir, "joined"), filepath.Join(dir, "whole"))
	_, err := suitedir.Join(t.Context(), suite, parts[1:], filepath.Join(dir, "two"), false)
	recipetest.Names(t, err, "found 2 of 3 shards, 1/3 is missing")
	_, err = suitedir.Join(t.Context(), suite, append(parts, filepath.Join(dir, "none")), filepath.Join(dir, "two"), false)
	recipetest.Names(t, err, filepath.Join("none", score.ResultFile))
}

func TestEvaluateModelRefuses(t *testing.T) {
	model, suite := askable(t)
	dir := t.TempDir()
	evaluated(t, model, suite, answering.EvaluateOptions{Limit: 1, Dir: dir})
	yesNo := filepath.Join(t.TempDir(), "yn.tsv")
	if err := os.WriteFile(yesNo, []byte("index\tquestion\tanswer\n1\tis it?\tYes\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, suite string
		opt          answering.EvaluateOptions
		want         string
	}{
		{model, suite, answering.EvaluateOptions{Shard: "3/2"}, `found shard "3/2", expected i/n`},
		{model, suite, answering.EvaluateOptions{Weights: "q3"}, "--weights: "},
		{model, suite, answering.EvaluateOptions{Protocol: "mine"}, `found protocol "mine"`},
		{model, suite, answering.EvaluateOptions{Limit: -1}, "found limit -1"},
		{model, suite + "x", answering.EvaluateOptions{}, "questions.tsvx"},
		{filepath.Dir(suite), suite, answering.EvaluateOptions{}, "is no model directory: it has no config.json"},
		{model, yesNo, answering.EvaluateOptions{StopEarly: true}, "suite yn is yesno: found stop early"},
		{model, suite, answering.EvaluateOptions{Weights: "q8", Dir: dir, Limit: 1}, "-q8\", suite 1-"},
		{model, suite, answering.EvaluateOptions{Blank: true, Dir: dir, Limit: 1}, "blank false; expected"},
	} {
		c.opt.Out = io.Discard
		if c.opt.Dir == "" {
			c.opt.Dir = t.TempDir()
		}
		_, err := answering.Evaluate(context.Background(), c.model, c.suite, c.opt)
		recipetest.Names(t, err, c.want)
	}
}
