package study

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// drawn are a study's records of methods with these numbers of seeds, of which hit says who is right.
func drawn(seeds map[string]int, hit func(method string, seed, question int) bool) *Summary {
	s := &Summary{Study: &Study{Baseline: "lora", Ranks: []int{4}, Seeds: []uint64{1, 2, 3}, Fractions: []float64{1}, LearningRates: []float64{1e-3},
		Bootstrap: Bootstrap{Draws: 200, Level: 0.95, Seed: 1}}}
	for _, method := range []string{"lora", "other"} {
		for seed := 1; seed <= seeds[method]; seed++ {
			q := Suite{Name: "test", Version: "v"}
			for i := range 10 {
				q.IDs, q.Hits = append(q.IDs, int64(i)), append(q.Hits, hit(method, seed, i))
			}
			s.add(&Record{Cell: Cell{method, 4, 1e-3, uint64(seed), 1}, Steps: 1, Suites: []Suite{q}})
		}
	}
	return s
}

func reportOf(t *testing.T, s *Summary) string {
	t.Helper()
	if err := s.compare(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s.suite(&b, 0, "test")
	return b.String()
}

// A method with fewer seeds than the baseline is compared with it on those both have, and the table says so.
func TestUnevenSeeds(t *testing.T) {
	// with seed s, lora is right with s of ten, the other with s + 2
	hit := func(method string, seed, question int) bool {
		if method == "other" {
			seed += 2
		}
		return question < seed
	}
	text := reportOf(t, drawn(map[string]int{"lora": 3, "other": 2}, hit))
	for _, want := range []string{"| lora | 0.001 | 3 | 20.00 |", "| other | 0.001 | 2 | 35.00 |", "| 2 | +20.00 |", "a difference is not that of the means"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table has no %q:\n%s", want, text)
		}
	}
	if text := reportOf(t, drawn(map[string]int{"lora": 3, "other": 3}, hit)); strings.Contains(text, "not that of the means") || !strings.Contains(text, "| 3 | +20.00 |") {
		t.Errorf("with equal seeds the table says:\n%s", text)
	}
}

// One seed shows nothing about methods, whatever its questions say.
func TestOneSeed(t *testing.T) {
	text := reportOf(t, drawn(map[string]int{"lora": 1, "other": 1}, func(method string, _, _ int) bool { return method == "other" }))
	if !strings.Contains(text, "with one seed. The interval knows nothing of other seeds") || strings.Contains(text, "better than") {
		t.Errorf("with one seed the table says:\n%s", text)
	}
}

// A record without all suites is an error, wherever it is.
func TestMissingSuite(t *testing.T) {
	for _, method := range []int{0, 1} {
		s := drawn(map[string]int{"lora": 2, "other": 2}, func(string, int, int) bool { return true })
		for g := range s.Groups {
			for c := range s.Groups[g].Cells {
				r := s.Groups[g].Cells[c]
				if g != method || c == 0 {
					r.Suites = append(r.Suites, Suite{Name: "more", Version: "v"})
				}
			}
		}
		if err := s.compare(); err == nil || !strings.Contains(err.Error(), fmt.Sprint("has 1 suites, expected more than 1")) {
			t.Errorf("error %v, expected one about a missing suite", err)
		}
	}
}

// A suite that nobody can answer says nothing; losses are compared within a seed.
func TestFloorAndLosses(t *testing.T) {
	s := drawn(map[string]int{"lora": 3, "other": 2}, func(string, int, int) bool { return false })
	for i := range s.Groups {
		for k, c := range s.Groups[i].Cells {
			c.Validation = 1 + float64(k)/4 + float64(i)*[]float64{-0.25, 0.5}[k%2]
		}
	}
	if text := reportOf(t, s); !strings.Contains(text, "at 0 %: this suite says nothing") {
		t.Errorf("the table says:\n%s", text)
	}
	var b bytes.Buffer
	s.losses(&b)
	for _, want := range []string{"| lora | 3 | 1.2500 | 0.2500 | | | | |", "| other | 2 | 1.2500 | 0.7071 | 2 | +0.1250 | 0.5303 | 1 of 2 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if text := reportOf(t, drawn(map[string]int{"lora": 1, "other": 1}, func(m string, _, _ int) bool { return m == "other" })); strings.Contains(text, "says nothing") {
		t.Errorf("the table says:\n%s", text)
	}
}
