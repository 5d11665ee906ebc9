package stages

import (
	"io"
	"math"
	"path/filepath"
	"testing"

	"moslava/pipelines/metrics"
)

// TestTriedStageStartsWhereTheRunDoes: rates of a stage are tried on the model that the stage before left, whose results stay as they are, and the
// first loss is that of the stage itself.
func TestTriedStageStartsWhereTheRunDoes(t *testing.T) {
	dir := t.TempDir()
	r := load(t, resumeRecipe, dir)
	mustRun(t, r)
	before := results(t, dir)
	rates, err := TryRates(t.Context(), r, RatesOptions{Steps: 12, From: 1e-6, To: 1, Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, results(t, dir), before)
	lines := readMetrics(t, filepath.Join(dir, "01-tune"))
	if rates.Stage != "tune" || rates.Loss[0] != lines[0].Loss || rates.Rates[0] != 1e-6 || math.Abs(rates.Smooth[0]-rates.Loss[0]) > 1e-12 {
		t.Errorf("%+v, the stage begins at loss %v", rates, lines[0].Loss)
	}
}

// TestSuggestedRate: where the loss falls most steeply, at most a tenth of where it explodes; none if it never falls.
func TestSuggestedRate(t *testing.T) {
	curve := func(f func(i int) float64, n int) *Rates {
		r := new(Rates)
		for i := range n {
			r.Rates, r.Smooth = append(r.Rates, math.Pow(10, float64(i)/10-6)), append(r.Smooth, f(i))
		}
		return r
	}
	falls := func(i int) float64 { return 4 - 3/(1+math.Exp(float64(30-i))) } // most steeply at step 30, rate 1e-3
	r := curve(falls, 41)
	if r.suggest(); math.Abs(r.Suggest-1e-3) > 1e-9 {
		t.Errorf("found %g", r.Suggest)
	}
	r = curve(falls, 36)
	r.Diverged = true
	if r.suggest(); math.Abs(r.Suggest-math.Pow(10, -3.5)) > 1e-9 {
		t.Errorf("found %g", r.Suggest)
	}
	r = curve(func(i int) float64 { return float64(i) }, 30)
	if r.suggest(); r.Suggest != 0 {
		t.Errorf("found %g", r.Suggest)
	}
}

func readMetrics(t *testing.T, stage string) []metrics.Record {
	t.Helper()
	lines, err := metrics.Read(filepath.Join(stage, metrics.LinesFile))
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
