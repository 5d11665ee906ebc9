package score

import (
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// scored makes items of one group per string of passes, '1' right, '0' wrong, '?' unresolved.
func scored(t *testing.T, passes []string, set func(i int, it *suites.Item)) *Result {
	t.Helper()
	var items []suites.Item
	var vs []protocols.Verdict
	for g, ps := range passes {
		for k, c := range ps {
			it := suites.Item{ID: int64(g + 1 + k*suites.PassDistance), Group: int64(g + 1), Pass: k, Question: "q", Answer: "A"}
			for i := range len(ps) {
				it.Choices = append(it.Choices, suites.Choice{Letter: byte('A' + i), Text: "x"})
			}
			set(g, &it)
			items = append(items, it)
			vs = append(vs, protocols.Verdict{ID: it.ID, Extracted: map[rune]string{'1': "A", '0': "B", '?': ""}[c]})
		}
	}
	r, err := Of(items, vs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAccuracyCSV(t *testing.T) {
	r := scored(t, []string{"1111", "1101", "111", "11?1", "11", "1111"}, func(g int, it *suites.Item) {
		it.L2 = []string{"relation_reasoning", "finegrained_perception (instance-level)", "coarse_perception", "finegrained_perception (cross-instance)", "coarse_perception", "relation_reasoning"}[g]
		it.Category = []string{"b", "c", "a", "c", "a", "d"}[g]
		it.Split = []string{"test", "dev", "dev", "dev", "test", "test"}[g]
	})
	var b strings.Builder
	if err := r.writeAccuracyCSV(&b); err != nil {
		t.Fatal(err)
	}
	want := `"split","Overall","CP","FP-C","FP-S","RR","a","b","c","d"
"dev","0.3333333333333333","1.0","0.0","0.0","","1.0","","0.0",""
"test","1.0","1.0","","","1.0","1.0","1.0","","1.0"
`
	if b.String() != want {
		t.Errorf("found\n%s\nexpected\n%s", b.String(), want)
	}
	all := r.Overall
	if all.Hits != 4 || all.N != 6 || all.Rows != 21 || all.RowHits != 19 || all.Unresolved != 1 || all.Vanilla != 19.0/21 {
		t.Errorf("found %+v", all.Tally)
	}
	if c, s := all.Chance, all.ChanceSteady; math.Abs(c-6.0/21) > 1e-15 || math.Abs(s-(4*0.25+1.0/3+0.5)/6) > 1e-15 {
		t.Errorf("found chance %v, steady %v", c, s)
	}
}

func TestSplitNone(t *testing.T) {
	r := scored(t, []string{"11", "10"}, func(g int, it *suites.Item) {})
	var b strings.Builder
	if err := r.writeAccuracyCSV(&b); err != nil {
		t.Fatal(err)
	}
	if want := "\"split\",\"Overall\"\n\"none\",\"0.5\"\n"; b.String() != want {
		t.Errorf("found %q, expected %q", b.String(), want)
	}
}

func TestUnlabelled(t *testing.T) {
	r := scored(t, []string{"11", "10"}, func(g int, it *suites.Item) {
		if g == 1 {
			it.Answer = ""
		}
	})
	if r.Unlabelled != 1 || r.Overall.N != 1 || r.Overall.Circular != 1 {
		t.Errorf("found %+v", r)
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{
		{0, 10, 0, 0.27753279986288}, // reference values: Newcombe 1998 gives 81/263 as 0.2553 to 0.3662
		{81, 263, 0.2553, 0.3662},
		{10, 10, 0.72246720013712, 1},
		{0, 0, 0, 1},
	} {
		low, high := Wilson(c.hits, c.n)
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
			t.Errorf("%d of %d: found %v to %v, expected %v to %v", c.hits, c.n, low, high, c.low, c.high)
		}
	}
}

func TestYesNoTable(t *testing.T) {
	var items []suites.Item
	var vs []protocols.Verdict
	// want, said, category: 2 true positives, 1 false positive, 1 false negative (said nothing), 1 true negative
	for i, row := range [][3]string{{"Yes", "Yes", "random"}, {"Yes", "Yes", "popular,random"}, {"No", "Yes", "popular"}, {"Yes", "", "popular"}, {"No", "No", "random"}} {
		items = append(items, suites.Item{ID: int64(i), Group: int64(i), Answer: row[0], Category: row[2]})
		vs = append(vs, protocols.Verdict{ID: int64(i), Extracted: row[1]})
	}
	r, err := Of(items, vs)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.writeYesNoCSV(&b); err != nil {
		t.Fatal(err)
	}
	want := `"split","Overall","acc","precision","recall"
"Overall","75.0","66.66666666666666","75.0","75.0"
"popular","50.0","33.33333333333333","50.0","50.0"
"random","100.0","100.0","100.0","100.0"
`
	if b.String() != want {
		t.Errorf("found\n%s\nexpected\n%s", b.String(), want)
	}
	if r.Overall.N != 5 || r.Overall.Chance != 0.5 || r.YesNo[0].N != 6 {
		t.Errorf("found %+v", r.Overall.Tally)
	}
}

func TestScoreNeedsOneVerdictPerItem(t *testing.T) {
	items := []suites.Item{{ID: 1, Group: 1}, {ID: 2, Group: 2}}
	for _, c := range []struct {
		ids  []int64
		want string
	}{
		{[]int64{1}, "item 2 has none"},
		{[]int64{1, 2, 2}, "two verdicts on item 2"},
		{[]int64{1, 2, 3}, "verdict on item 3"},
	} {
		var vs []protocols.Verdict
		for _, id := range c.ids {
			vs = append(vs, protocols.Verdict{ID: id})
		}
		if _, err := Of(items, vs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: found %v, expected %q", c.ids, err, c.want)
		}
	}
}

func TestRejudge(t *testing.T) {
	s := emoji(t)
	var vs []protocols.Verdict
	for _, it := range s.Items {
		vs = append(vs, protocols.Verdict{ID: it.ID, Raw: "(" + it.Answer + ")", Suite: "s", Protocol: "old"})
	}
	p, err := protocols.Named("")
	if err != nil {
		t.Fatal(err)
	}
	out, err := protocols.Reread(p, s.Items, vs)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Of(s.Items, out)
	if err != nil {
		t.Fatal(err)
	}
	if r.Overall.Circular != 1 || out[0].Rule != protocols.RuleLetter || vs[0].Extracted != "" {
		t.Errorf("found %+v", r.Overall.Tally)
	}
}

func TestResultRoundTrip(t *testing.T) {
	r := scored(t, []string{"11", "10"}, func(g int, it *suites.Item) { it.L2 = "x" })
	r.Verdicts = nil
	path := filepath.Join(t.TempDir(), "result.json")
	if err := r.WriteJSON(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadResult(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("found %+v, expected %+v", got, r)
	}
}
