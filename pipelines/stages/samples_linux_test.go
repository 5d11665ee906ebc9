package stages

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"moslava/pipelines/metrics"
)

// sampling has both stages of the resume recipe ask samples.
var sampling = []string{"stages.align.samples.every=3", "stages.tune.samples.every=2", "stages.tune.samples.count=3", "stages.tune.samples.max_new_tokens=6"}

// trainedAlone leaves samples out of results.
func trainedAlone(all map[string]string) map[string]string {
	out := map[string]string{}
	for name, b := range all {
		if !strings.Contains(name, "/samples") {
			out[name] = b
		}
	}
	return out
}

// TestSamples: losses, adapters and states are those of a run without samples, and every question is asked when it is time to.
func TestSamples(t *testing.T) {
	dir := t.TempDir()
	out := mustRun(t, load(t, resumeRecipe, dir, sampling...))
	equal(t, trainedAlone(results(t, dir)), uninterrupted(t))
	for stage, c := range map[string]struct{ every, count int }{"00-align": {3, 4}, "01-tune": {2, 3}} {
		all, err := metrics.ReadSamples(filepath.Join(dir, stage))
		if err != nil {
			t.Fatal(err)
		}
		n := 20 / c.every
		if 20%c.every > 0 {
			n++ // after the last step
		}
		// of the 0.15 held out, align has 4 rows, tune 4 or 5
		if len(all) < n*2 || len(all)%n != 0 || all[0].Step != c.every || all[len(all)-1].Step != 20 {
			t.Errorf("%s: %d samples, the first %+v", stage, len(all), all[0])
		}
		for _, s := range all {
			if s.Question == "" && stage == "01-tune" || s.Wanted == "" || s.Picture == "" {
				t.Errorf("%s: %+v", stage, s)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, stage, filepath.FromSlash(all[0].Picture))); err != nil {
			t.Error(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, stage, metrics.EventsFile))
		if err != nil || bytes.Count(b, []byte("samples/1/text_summary")) != n || bytes.Count(b, []byte("\xff\xd8\xff")) != len(all)/n {
			t.Errorf("%s: TensorBoard has %d texts and %d pictures; %v", stage, bytes.Count(b, []byte("samples/1/text_summary")), bytes.Count(b, []byte("\xff\xd8\xff")), err)
		}
	}
	for _, want := range []string{"align: samples: ", " questions of the held-out share", "wanted \"", "said \""} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q\n%s", want, out)
		}
	}
}

// TestSamplesOfTrainedRows says where the questions come from, and that there are none in texts learnt whole.
func TestSamplesOfTrainedRows(t *testing.T) {
	dir := t.TempDir()
	out := mustRun(t, load(t, resumeRecipe, dir, "stages.0.samples=4", "stages.0.steps=4", "stages.0.validation=0", "stages.0.validate_every=0", "stages.1.steps=1", "stages.1.validate_every=0"))
	if !strings.Contains(out, "questions of rows that are trained on, as nothing is held out") {
		t.Error(out)
	}
}

// TestSamplesKilled: a run that is killed in and around its samples ends with the bytes of one that is not, samples included.
func TestSamplesKilled(t *testing.T) {
	whole := t.TempDir()
	mustRun(t, load(t, resumeRecipe, whole, sampling...))
	r := rand.New(rand.NewPCG(3, 3))
	dir := t.TempDir()
	for k := range 6 {
		signal := syscall.SIGKILL
		if k%3 == 2 {
			signal = syscall.SIGINT
		}
		e := ending{Steps: 6*k + 2 + r.IntN(4), Delay: time.Duration(r.IntN(12000)) * time.Microsecond, Signal: signal}
		out, err := start(t, dir, childEnd+"="+e.String(), childSets+"="+strings.Join(sampling, " "))
		if exit := new(exec.ExitError); !errors.As(err, &exit) {
			t.Fatalf("kill %d: %v\n%s", k, err, out)
		}
	}
	out, err := start(t, dir, childSets+"="+strings.Join(sampling, " "))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	equal(t, results(t, dir), results(t, whole))
	a, b := filepath.Join(dir, "01-tune", metrics.EventsFile), filepath.Join(whole, "01-tune", metrics.EventsFile)
	for _, what := range []string{"samples/1/text_summary", "\xff\xd8\xff"} {
		if x, y := readAll(t, a), readAll(t, b); bytes.Count(x, []byte(what)) != bytes.Count(y, []byte(what)) {
			t.Errorf("TensorBoard has %d times %q, and %d without kills", bytes.Count(x, []byte(what)), what, bytes.Count(y, []byte(what)))
		}
	}
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
