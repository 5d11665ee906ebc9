package stages

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/pipelines/answering"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/judge"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/run"
	"moslava/pipelines/suitedir"
)

const judgeKey = "swordfish-5150"

// service is a judge that says A, and fails after so many replies if that is not negative.
type service struct {
	*httptest.Server
	replies, failAfter int
}

func serveJudge(t *testing.T) *service {
	t.Helper()
	s := &service{failAfter: -1}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+judgeKey {
			t.Errorf("found authorization %q", r.Header.Get("Authorization"))
		}
		if s.replies == s.failAfter {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.replies++
		_, _ = w.Write([]byte(`{"choices":[{"message":{"content":"A"}}]}`))
	}))
	t.Cleanup(s.Close)
	t.Setenv("MOSLAVA_TEST_JUDGE", judgeKey)
	t.Setenv("MOSLAVA_TEST_JUDGE_2", judgeKey)
	return s
}

// keepsSecret fails if a file below dir has the judge's key.
func keepsSecret(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), judgeKey) {
			t.Errorf("%s has the judge's key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestStageWithJudge: a judge reads what no rule does, its failure ends the stage, what it has said stays, and another judge makes the stage stale.
func TestStageWithJudge(t *testing.T) {
	s := serveJudge(t)
	dir := t.TempDir()
	text := recipetest.Towers + `stages:
  - {kind: pretrain, data: "scenes:pretrain?n=8&seed=1", batch: 2, steps: 2}
  - kind: evaluate
    suites: {tsv: "scenes:test?n=6&seed=1", name: s, judge_url: ` + s.URL + `/v1, judge_model: m, judge_key_env: MOSLAVA_TEST_JUDGE}
`
	s.failAfter = 2
	fails(t, recipetest.Parse(t, dir, text), "suite s: item ", "judge: ", "503 Service Unavailable")
	if s.replies != 2 {
		t.Fatalf("found %d replies: the model's answers are read by rules", s.replies)
	}
	s.failAfter = -1
	mustRun(t, recipetest.Parse(t, dir, text))
	res, err := suitedir.Read(filepath.Join(dir, "01-evaluate", "s"))
	if err != nil {
		t.Fatal(err)
	}
	if res.Judge != "m" || res.Judged != s.replies || res.Judged == 0 {
		t.Errorf("found judge %q and %d answers judged with %d replies", res.Judge, res.Judged, s.replies)
	}
	keepsSecret(t, dir)
	if out := mustRun(t, recipetest.Parse(t, dir, strings.ReplaceAll(text, "MOSLAVA_TEST_JUDGE", "MOSLAVA_TEST_JUDGE_2"))); strings.Count(out, "skipped") != 2 {
		t.Errorf("another variable with the key does a stage again:\n%s", out)
	}
	for from, to := range map[string]string{"judge_model: m,": "judge_model: n,", "/v1,": "/v2,", ", judge_url: " + s.URL + "/v1, judge_model: m, judge_key_env: MOSLAVA_TEST_JUDGE": ""} {
		err := Run(context.Background(), recipetest.Parse(t, dir, strings.ReplaceAll(text, from, to)), Options{Out: io.Discard})
		if c := new(run.ChangedError); !errors.As(err, &c) || c.Stage != "evaluate" || !strings.Contains(err.Error(), "judge_") {
			t.Errorf("%s: found %v, expected an error about what changed", to, err)
		}
	}
	fails(t, recipetest.Parse(t, t.TempDir(), strings.ReplaceAll(text, "MOSLAVA_TEST_JUDGE", "MOSLAVA_TEST_NONE")), "suite s: judge: found no key in the environment variable MOSLAVA_TEST_NONE")
	fails(t, recipetest.Parse(t, t.TempDir(), strings.ReplaceAll(text, "name: s,", "name: s, protocol: letter-logit,")), "suite s: found a judge, but protocol letter-logit has none")
}

// evaluated evaluates a model.
func evaluated(t *testing.T, model, suite string, opt answering.EvaluateOptions) *score.Result {
	t.Helper()
	res, err := answering.Evaluate(t.Context(), model, suite, opt)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestEvaluateModelWithJudge does the same without a recipe, where a judge may come later.
func TestEvaluateModelWithJudge(t *testing.T) {
	s := serveJudge(t)
	model, suite := exported(t), filepath.Join(t.TempDir(), "questions.tsv")
	if err := atomicfile.WriteFile(suite, func(w io.Writer) error { return scenes.TestTSV(w, 96, scenes.Test, 5) }); err != nil {
		t.Fatal(err)
	}
	opt := answering.EvaluateOptions{Limit: 8, Dir: t.TempDir()}
	before := evaluated(t, model, suite, opt)
	vs := before.Verdicts
	for i := range vs[:8] {
		vs[i].Raw = "something else"
	}
	if err := eval.WriteVerdicts(filepath.Join(opt.Dir, eval.VerdictsFile), vs); err != nil {
		t.Fatal(err)
	}
	opt.Judge = judge.Config{URL: s.URL + "/v1", Model: "m", KeyEnv: "MOSLAVA_TEST_JUDGE"}
	res := evaluated(t, model, suite, opt)
	if res.Judged == 0 || res.Judged != s.replies || res.Verdicts[0].Judge != "m" {
		t.Errorf("found %d answers judged with %d replies", res.Judged, s.replies)
	}
	replies := s.replies
	if again := evaluated(t, model, suite, opt); again.Judged != res.Judged || s.replies != replies {
		t.Errorf("found %d answers judged with %d more replies", again.Judged, s.replies-replies)
	}
	keepsSecret(t, opt.Dir)
	opt.Judge.Model = ""
	if _, err := answering.Evaluate(context.Background(), model, suite, opt); err == nil || !strings.Contains(err.Error(), "judge: found no model") {
		t.Errorf("found %v", err)
	}
	for _, url := range []string{"http://user:" + judgeKey + "@localhost/v1", "http://localhost/v1?key=" + judgeKey} {
		_, err := suitedir.OpenJudge(judge.Config{URL: url, Model: "m"})
		if err == nil || !strings.Contains(err.Error(), "found a URL with a user, a query or a fragment") || strings.Contains(err.Error(), judgeKey) {
			t.Errorf("found %v", err)
		}
	}
}
