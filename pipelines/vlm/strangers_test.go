package vlm

import (
	"path/filepath"
	"slices"
	"testing"

	"moslava/datasets"
)

// TestRowsOfStrangers: what is learnt of rows is the same whatever they are stored in. Turns with a weight of 0 are read and not learnt, and a system
// column is a system turn.
func TestRowsOfStrangers(t *testing.T) {
	_, p, err := Open(Spec{Towers: Towers{Language: "../stages/testdata/tiny/language"}}, Options{Outline: true})
	if err != nil {
		t.Fatal(err)
	}
	encode := func(x datasets.Sample) (e datasets.Example, targets int) {
		t.Helper()
		e, err := p.Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range e.Labels {
			if l >= 0 {
				targets++
			}
		}
		return e, targets
	}
	row := func(name string) datasets.Sample {
		t.Helper()
		src, err := datasets.Open(filepath.Join("../../datasets/testdata/strangers", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		x, err := src.At(0)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	const weights = "01-turn-weight-ignored/"
	alone := row(weights + "weight.json")
	alone.Turns = alone.Turns[2:] // the second question and its answer, all of which is learnt
	_, want := encode(alone)
	first, _ := encode(row(weights + "weight.json"))
	for _, name := range []string{"weight.json", "loss.json", "arrow"} {
		if e, n := encode(row(weights + name)); n != want || !slices.Equal(e.IDs, first.IDs) {
			t.Errorf("%s: %d targets of the ids %v, want %d of %v", name, n, e.IDs, want, first.IDs)
		}
	}
	const system = "02-arrow-system-column/"
	json, _ := encode(row(system + "sysjson.jsonl"))
	with, _ := encode(row(system + "with"))
	without, _ := encode(row(system + "without"))
	if !slices.Equal(json.IDs, with.IDs) || slices.Equal(with.IDs, without.IDs) {
		t.Errorf("ids %v of JSON, %v of Arrow, %v without the column", json.IDs, with.IDs, without.IDs)
	}
}
