package score

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// TestStatistics compares with SciPy's values.
func TestStatistics(t *testing.T) {
	b, err := os.ReadFile("testdata/statistics.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		McNemar []struct {
			B, C int
			P    float64
		}
		Wilson []struct {
			Hits, N   int
			Low, High float64
		}
	}
	if err := json.Unmarshal(b, &want); err != nil || len(want.McNemar) == 0 || len(want.Wilson) == 0 {
		t.Fatal(err, want)
	}
	for _, w := range want.McNemar {
		if got := McNemar(w.B, w.C); math.Abs(got-w.P) > 1e-11*max(w.P, 1e-3) && math.Abs(got/w.P-1) > 1e-9 {
			t.Errorf("McNemar(%d, %d) is %v, expected %v", w.B, w.C, got, w.P)
		}
	}
	for _, w := range want.Wilson {
		low, high := Wilson(w.Hits, w.N)
		if math.Abs(low-w.Low) > 1e-12 || math.Abs(high-w.High) > 1e-12 {
			t.Errorf("Wilson(%d, %d) is %v, %v, expected %v, %v", w.Hits, w.N, low, high, w.Low, w.High)
		}
	}
}

func TestCompare(t *testing.T) {
	s := emoji(t)
	run := func(early bool, wrong ...int64) []protocols.Verdict {
		done := map[int64]protocols.Verdict{}
		for _, g := range suites.Groups(s.Items) {
			for _, it := range g {
				v := protocols.Verdict{ID: it.ID, Group: it.Group, Pass: it.Pass, Category: it.Category, L2: it.L2, Extracted: it.Answer, Want: it.Answer, Suite: s.Version}
				if slices.Contains(wrong, it.ID) {
					v.Extracted = "Z"
				}
				v.Correct = v.Extracted == v.Want
				if done[it.ID] = v; early && it.Pass == 0 && !v.Correct {
					break // the other passes are not asked
				}
			}
		}
		res, err := OfRun(s, Run{StopEarly: early}, s.Items, done)
		if err != nil {
			t.Fatal(err)
		}
		return res.Verdicts
	}
	a, b := run(false, 1000001, 2), run(true, 2, 3000002, 3, 4)
	c, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Paired != (Paired{N: 6, Both: 2, Neither: 1, OnlyA: 2, OnlyB: 1, P: 1}) {
		t.Errorf("found %+v", c.Paired)
	}
	if !reflect.DeepEqual(c.Flips, []Flip{{1, false, true}, {3, true, false}, {4, true, false}}) {
		t.Errorf("found flips %v", c.Flips)
	}
	n := 0
	for _, p := range c.L2 {
		n += p.N
	}
	if n != 6 || len(c.L2) == 0 || len(c.Category) == 0 {
		t.Errorf("found l2-categories %+v", c.L2)
	}
	other := run(false)
	for i := range other {
		other[i].Suite = "x"
	}
	for _, c := range []struct {
		a, b []protocols.Verdict
		want string
	}{
		{a, nil, "found 24 and 0 verdicts"},
		{a, other, "version x of the suite"},
		{a, a[:4], "found 6 questions in one run and 1 in the other"},
		{a[:4], a[4:8], "found question 1 in one run where the other has 2"},
	} {
		if _, err := Compare(c.a, c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("found %v, expected %q", err, c.want)
		}
	}
}

// emoji is a circular suite of 6 questions with 4 passes each.
func emoji(t *testing.T) *suites.Suite {
	t.Helper()
	s, err := suites.OpenFile("../suites/testdata/emoji_en.tsv", suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
