package runreport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/metrics"
)

// TestReportOfTraining: a run that has evaluated nothing yet is shown by its curves, beside another's.
func TestReportOfTraining(t *testing.T) {
	dir := t.TempDir()
	for run, stages := range map[string][]string{"a": {"00-align", "01-tune"}, "b": {"01-tune", "02-more"}} {
		for _, stage := range stages {
			at := filepath.Join(dir, run, stage)
			if err := os.MkdirAll(at, 0o777); err != nil {
				t.Fatal(err)
			}
			log, err := metrics.Open(at, 0)
			if err != nil {
				t.Fatal(err)
			}
			for step := 1; step <= 3; step++ {
				validation := 5.5 - float64(step%3)
				if err := log.Write(metrics.Record{Step: step, Loss: 4 - float64(step), LR: 1e-3, Validation: &validation}); err != nil {
					t.Fatal(err)
				}
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, opt := range []Options{{}, {Against: filepath.Join(dir, "b")}, {Against: filepath.Join(dir, "b"), Markdown: true}} {
		path, err := Write(filepath.Join(dir, "a"), opt)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"00-align", "3 steps, loss 3.0000 at the first and 1.0000 at the last; lowest validation loss 3.5000, at step 2"}
		if opt.Against != "" {
			want = append(want, "b has no stage 00-align", "stage 02-more is in b alone")
		}
		if !opt.Markdown {
			want = append(want, "<svg")
		}
		for _, w := range want {
			if !strings.Contains(string(b), w) {
				t.Errorf("%+v: found no %q in\n%.3000s", opt, w, b)
			}
		}
	}
}
