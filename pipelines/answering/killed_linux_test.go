package answering_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"moslava/pipelines/answering"
	"moslava/pipelines/eval"
)

// Environment of a child, which is the test binary started again.
const (
	childDir  = "MOSLAVA_TEST_ASK_DIR" // where it evaluates the model and the suite
	childAsks = "MOSLAVA_TEST_ASKS"    // it ends itself after so many verdicts
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(childThatAsks(context.Background(), dir))
	}
	os.Exit(m.Run())
}

// childThatAsks evaluates dir/model with dir/suite.tsv and ends the process as soon as there are so many verdicts.
func childThatAsks(ctx context.Context, dir string) int {
	n, err := strconv.Atoi(os.Getenv(childAsks))
	if err == nil {
		go func() {
			for linesOf(filepath.Join(dir, "out", eval.VerdictsFile)) < n {
				time.Sleep(50 * time.Microsecond)
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}()
		_, err = answering.Evaluate(ctx, filepath.Join(dir, "model"), filepath.Join(dir, "suite.tsv"), answering.EvaluateOptions{Dir: filepath.Join(dir, "out"), Out: io.Discard})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func linesOf(path string) int {
	b, _ := os.ReadFile(path)
	return bytes.Count(b, []byte("\n"))
}

// TestKilledEvaluation: an evaluation that is killed again and again, once with a torn line left behind, ends with the files
// of one that is not, and what was answered is not asked again.
func TestKilledEvaluation(t *testing.T) {
	dir := t.TempDir()
	model, suite := askable(t)
	for from, to := range map[string]string{model: "model", suite: "suite.tsv"} {
		if err := os.Symlink(from, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	want := filepath.Join(dir, "whole")
	evaluated(t, model, filepath.Join(dir, "suite.tsv"), answering.EvaluateOptions{Dir: want})
	verdicts := filepath.Join(dir, "out", eval.VerdictsFile)
	before, partly, all := 0, 0, linesOf(filepath.Join(want, eval.VerdictsFile))
	for range 3 { // each time when something has been added
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), childDir+"="+dir, childAsks+"="+strconv.Itoa(before+1))
		out, err := child.CombinedOutput()
		if err == nil {
			break // it was faster than its end
		}
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child ended with %v\n%s", err, out)
		}
		done := linesOf(verdicts)
		t.Logf("killed with %d verdicts of %d", done, all)
		if done <= before {
			t.Fatalf("the child left %d verdicts after %d", done, before)
		}
		if before = done; done >= all {
			break
		}
		partly++
	}
	if partly == 0 {
		t.Fatalf("no child was killed on its way: %d verdicts of %d", before, all)
	}
	f, err := os.OpenFile(verdicts, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"id":7,"gro`)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	evaluated(t, filepath.Join(dir, "model"), filepath.Join(dir, "suite.tsv"), answering.EvaluateOptions{Dir: filepath.Join(dir, "out")})
	sameRecords(t, filepath.Join(dir, "out"), want)

	// A verdict that nobody's model gave stays: its row is not asked again.
	vs, err := eval.ReadVerdicts(verdicts)
	if err != nil {
		t.Fatal(err)
	}
	vs[0].Raw = "I was here before"
	if err := eval.WriteVerdicts(verdicts, vs[:before]); err != nil {
		t.Fatal(err)
	}
	res := evaluated(t, model, filepath.Join(dir, "suite.tsv"), answering.EvaluateOptions{Dir: filepath.Join(dir, "out")})
	if res.Verdicts[0].Raw != vs[0].Raw {
		t.Errorf("found %q, expected the answer that was there", res.Verdicts[0].Raw)
	}
}
