package protocols

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"moslava/pipelines/eval/suites"
)

// TestOwnGolden: credits are those that scripts/interop/check_own.py has from the published rules. An answer without any text is none
// here, whatever a rule makes of it.
func TestOwnGolden(t *testing.T) {
	b, err := os.ReadFile("testdata/own.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Said   string
		Want   []string
		Credit map[string]float64
	}
	if err := json.Unmarshal(b, &rows); err != nil || len(rows) < 40 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, r := range rows {
		it := suites.Item{ID: 1, Question: "q", Form: suites.FreeText, Answer: r.Want[0], Answers: r.Want}
		for name, want := range r.Credit {
			p, err := For(name, suites.Own)
			if err != nil {
				t.Fatal(err)
			}
			v := Verdict{Raw: r.Said}
			if err := p.Read(it, &v); err != nil {
				t.Fatal(err)
			}
			if math.Abs(v.Credit-want) > 1e-12 || v.Correct != (want >= 1) || v.Protocol != "" || (v.Extracted == "") != (strings.TrimSpace(r.Said) == "") {
				t.Errorf("%q for %q under %s: %+v, expected %v", r.Said, r.Want, name, v, want)
			}
		}
	}
}

// TestOwnIsAskedAsItStands: nothing is added to a question, and a marker that is shown earlier counts.
func TestOwnIsAskedAsItStands(t *testing.T) {
	p, err := For("", suites.Own)
	if err != nil || p.Name != CaseFold {
		t.Fatalf("%s, %v", p.Name, err)
	}
	it := suites.Item{Question: " what? ", Form: suites.FreeText, Answer: "x", ImageKey: "a", More: []string{"b"}}
	if q, keys, err := p.Ask(it); err != nil || q != "<image>\n<image>\n what? " || len(keys) != 2 {
		t.Errorf("asked %q about %v, %v", q, keys, err)
	}
	it.Before = []suites.Said{{Role: "user", Text: "<image><image>first"}}
	if q, keys, err := p.Ask(it); err != nil || q != " what? " || len(keys) != 2 {
		t.Errorf("asked %q about %v, %v", q, keys, err)
	}
	it.Before[0].Text = "<image>"
	if _, _, err := p.Ask(it); err == nil {
		t.Error("two pictures and one marker")
	}
}

func TestTolerance(t *testing.T) {
	for f, want := range map[float64]string{0.05: "number", 0.1: "number-0.1", 0: "number-0"} {
		if name, err := WithTolerance(f); err != nil || name != want {
			t.Errorf("%v: %q, %v", f, name, err)
		}
	}
	if _, err := WithTolerance(-1); err == nil {
		t.Error("-1 was taken")
	}
	for _, name := range []string{"number-x", "number-2", "number-0.10", "number-0.05"} {
		if _, err := For(name, suites.Own); err == nil || !strings.Contains(err.Error(), "number-0.1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := For("number-0.1", suites.MMBench); err == nil {
		t.Error("MMBench under number-0.1")
	}
	if _, err := For("exact", suites.MMBench); err == nil || !strings.Contains(err.Error(), "own") {
		t.Errorf("MMBench under exact: %v", err)
	}
}
