package stages

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/run"
	"moslava/pipelines/runreport"
)

// TestEnvironment: values of variables are used and reach no file, no message and no bar; that one has changed is noticed all the same.
func TestEnvironment(t *testing.T) {
	root, model := t.TempDir(), exported(t)
	const secret = "hunter2-sesame"
	base := filepath.Join(root, secret)
	if err := os.Rename(model, base); err != nil {
		t.Fatal(err)
	}
	suite := filepath.Join(base, "suite.tsv")
	if err := os.WriteFile(suite, []byte("index\tquestion\tA\tB\tanswer\n1\twhich\tred\tblue\tA\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_BASE", base)
	t.Setenv("TEST_RATE", "0.0012345")
	file := filepath.Join(root, "r.yaml")
	text := `name: env
run_dir: run
model: {from: "${TEST_BASE}"}
stages:
- kind: align
  data: scenes:tune?n=4&seed=1
  steps: 1
  batch: 2
  lr: ${TEST_RATE}
- {kind: evaluate, suites: {tsv: "${TEST_BASE}/suite.tsv", protocol: letter-logit}}
- {kind: export, path: "${TEST_BASE}-out"}
`
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	again := func() error {
		r, err := recipes.Load(file)
		if err != nil {
			return err
		}
		return Run(context.Background(), r, Options{Out: &out})
	}
	for range 2 {
		if err := again(); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(out.String(), secret) || strings.Count(out.String(), "skipped") != 3 {
		t.Errorf("the run says\n%s", &out)
	}
	if wrong := wrong(t, filepath.Join(root, "run")); len(wrong) > 0 {
		t.Errorf("verified: %q", wrong)
	}
	if err := os.Unsetenv("TEST_BASE"); err != nil { // the test sets it again at its end
		t.Fatal(err)
	}
	unset := strings.Join(wrong(t, filepath.Join(root, "run")), "\n")
	if !strings.Contains(unset, "cannot be looked at: ") || !strings.Contains(unset, `"TEST_BASE" is not set`) || strings.Contains(unset, "no such file") {
		t.Errorf("without the variable: %s", unset)
	}
	t.Setenv("TEST_BASE", base)
	if _, err := runreport.Write(filepath.Join(root, "run"), runreport.Options{}); err != nil {
		t.Error(err)
	}
	err := filepath.WalkDir(filepath.Join(root, "run"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) || strings.HasSuffix(path, ".json") && bytes.Contains(b, []byte("0.0012345")) {
			t.Errorf("%s holds a value:\n%.2000s", path, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_RATE", "0.0054321")
	err = again()
	recipetest.Names(t, err, "stage align is finished", "the environment variable TEST_RATE was another text")
	if !errors.As(err, new(*run.ChangedError)) || strings.Contains(err.Error(), "0.0054321") || strings.Contains(err.Error(), secret) {
		t.Errorf("changed: %v", err)
	}
	t.Setenv("TEST_RATE", secret)
	err = again()
	recipetest.Names(t, err, "stages.0.lr", `the text "${TEST_RATE}", expected a number`)
	t.Setenv("TEST_RATE", "11.25")
	if second := again(); strings.Contains(err.Error(), secret) || second == nil || strings.Contains(second.Error(), "11.25") {
		t.Errorf("messages: %v; %v", err, second)
	}
	t.Setenv("TEST_RATE", "0.0012345")
	t.Setenv("TEST_BASE", filepath.Join(root, "nowhere-"+secret))
	if err = again(); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
