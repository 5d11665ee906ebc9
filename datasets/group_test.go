package datasets

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestGroupingVectors: the orders that the published rules make of the same lengths and permutations
// (scripts/interop/check_samplers.py).
func TestGroupingVectors(t *testing.T) {
	var cases []struct {
		Rule         string
		Batch, Accum int
		Lengths      []int32
		Draws        [][]int
		Order        []int32
	}
	b, err := os.ReadFile("testdata/samplers.json")
	if err == nil {
		err = json.Unmarshal(b, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, c := range cases {
		g := Grouping{Rule: c.Rule, Lengths: c.Lengths, Batch: c.Batch, Accum: c.Accum}
		if err := g.check(len(c.Lengths)); err != nil {
			t.Fatal(err)
		}
		next := 0
		got := g.order(func(_, n int) func(int) int {
			d := c.Draws[next]
			next++
			if n != len(d) {
				t.Fatalf("case %d: draw %d is of %d, want %d", i, next, n, len(d))
			}
			return func(i int) int { return d[i] }
		})
		if !slices.Equal(got, c.Order) || next != len(c.Draws) {
			t.Errorf("case %d, %s: %v\nwant %v", i, c.Rule, got, c.Order)
		}
		seen[c.Rule]++
	}
	if len(seen) != len(Groupings()) {
		t.Errorf("cases of %v, want of %v", seen, Groupings())
	}
}

// grouped are options for a source whose lengths are measured.
func grouped(t *testing.T, src Source, rule string, o LoadOptions) LoadOptions {
	t.Helper()
	lengths, err := Lengths(t.Context(), src, 2, Words)
	if err != nil {
		t.Fatal(err)
	}
	o.Group = &Grouping{Rule: rule, Lengths: lengths, Batch: max(1, o.BatchSize), Accum: 2}
	return o
}

// TestGroupedEpochs: each epoch has every row once, in an order of its own, and long rows are with long ones.
func TestGroupedEpochs(t *testing.T) {
	const rows = 200
	src := mixed(rows, false)
	for i := range src.rows {
		src.rows[i].Turns[1].Value = strings.Repeat("w ", 1+i*37%rows)
	}
	for _, rule := range Groupings() {
		o := grouped(t, src, rule, LoadOptions{BatchSize: 5, Epochs: 2, Seed: 3})
		l := &loader{opt: o, n: rows}
		var orders [2][]int
		for epoch := range orders {
			at := l.order(epoch)
			for i := range rows {
				orders[epoch] = append(orders[epoch], at(i))
			}
			sorted := slices.Clone(orders[epoch])
			slices.Sort(sorted)
			if sorted[0] != 0 || sorted[rows-1] != rows-1 || len(slices.Compact(sorted)) != rows {
				t.Fatalf("%s: epoch %d is no permutation", rule, epoch)
			}
		}
		if reflect.DeepEqual(orders[0], orders[1]) {
			t.Errorf("%s: two epochs have one order", rule)
		}
		// Batches before the last group are of one modality, but for length; and their rows are nearer in length than any two.
		spread, one := 0, 0
		const batches = rows / 5 / 2
		for k := range batches {
			least, most, pictures := rows, 0, 0
			for _, row := range orders[0][5*k : 5*k+5] {
				n := int(o.Group.Lengths[row])
				if n > 0 {
					pictures++
				}
				least, most = min(least, max(n, -n)), max(most, max(n, -n))
			}
			spread += most - least
			if pictures == 0 || pictures == 5 {
				one++
			}
		}
		if rule != GroupLength && one < batches-2 { // XTuner's longest row changes places
			t.Errorf("%s: %d of %d batches are of one modality", rule, one, batches)
		}
		if mean := spread / batches; rule != GroupModality && mean > rows/8 {
			t.Errorf("%s: the rows of a batch differ by %d words on average", rule, mean)
		}
	}
}

func TestLengths(t *testing.T) {
	src := mixed(8, true)
	src.rows[1].Text, src.rows[1].Turns = "one two\u2003three\x1ffour\n", nil
	got, err := Lengths(t.Context(), src, 3, Words)
	if err != nil {
		t.Fatal(err)
	}
	// Row 3 cannot be read; row 0 is of "<image>a" and "y".
	if got[0] != 2 || got[1] != -4 || got[2] != -6 || got[3] != -1 {
		t.Errorf("%v", got)
	}
}

func TestGroupingRefuses(t *testing.T) {
	src := mixed(3, false)
	good := Grouping{Rule: GroupLength, Lengths: []int32{1, 2, -3}, Batch: 1}
	for want, change := range map[string]func(*LoadOptions){
		`grouping by "size", expected one of length, modality_length, modality_length-xtuner`: func(o *LoadOptions) { o.Group.Rule = "size" },
		"2 lengths for a source of 3 samples":                                                 func(o *LoadOptions) { o.Group.Lengths = o.Group.Lengths[:2] },
		"batches of 0 rows":                                                                   func(o *LoadOptions) { o.Group.Batch = 0 },
		"the length of row 1 is 0":                                                            func(o *LoadOptions) { o.Group.Lengths = []int32{1, 0, 1} },
		"samples in order and in groups":                                                      func(o *LoadOptions) { o.InOrder = true },
	} {
		g := good
		o := LoadOptions{BatchSize: 1, Group: &g}
		change(&o)
		if _, err := lastError(t, src, spell{}, o, Position{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
