package pipelines

import (
	"context"
	"math"
	"reflect"
	"testing"

	"moslava/language"
	"moslava/pipelines/vlm"
)

// TestNeighboursChangeNoAnswer asks about one picture, another, both and none, all together, a few at a time and one by one: ids are
// the same, and log-probabilities of the first one to the bit.
func TestNeighboursChangeNoAnswer(t *testing.T) {
	r := parse(t, t.TempDir(), towers+`stages:
  - {kind: align, data: "scenes:align?n=16&seed=1", steps: 12, lr: 1e-2}
  - {kind: tune, data: "scenes:tune?n=16&seed=2", steps: 4, lr: 1e-2, adapters: {vision: {r: 4}, language: {r: 4, mixer: orthogonal}}}
`)
	mustRun(t, r)
	m, p := after(t, r, "tune")
	m.Params.Freeze()
	m.Adapters.Train(false)
	src, err := openSource("scenes:tune?n=2&seed=9")
	if err != nil {
		t.Fatal(err)
	}
	prompts := []string{"what is it", "what is it", "what is in the picture on the left side of the middle?\nA. circle\nB. square",
		"what is in the picture on the left side of the middle?\nA. square\nB. circle", "what is in the picture"}
	var questions []vlm.Question
	var pictures [][]byte
	for i := range 2 {
		s, err := src.At(i)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range prompts {
			questions = append(questions, vlm.Question{Pictures: [][]byte{s.Pictures[0].Bytes}, Prompt: q}, vlm.Question{Prompt: q})
		}
		pictures = append(pictures, s.Pictures[0].Bytes)
	}
	for _, q := range prompts { // both, in either order, one of them twice, and in the middle of the text
		for _, view := range [][][]byte{pictures, {pictures[1], pictures[0]}, {pictures[0], pictures[0]}} {
			questions = append(questions, vlm.Question{Pictures: view, Prompt: q},
				vlm.Question{Pictures: view, Prompt: "in <image> and <image>: " + q})
		}
	}
	g := language.Generation{MaxNew: 7}
	all, err := (&vlm.Answerer{Model: m, Processor: p}).GenerateAll(context.Background(), questions, g)
	if err != nil {
		t.Fatal(err)
	}
	few := &vlm.Answerer{Model: m, Processor: p, CacheBytes: 1 << 20}

	heard := make([][]int32, len(questions))
	told := g
	told.Token = func(i int, id int32) { heard[i] = append(heard[i], id) }
	got, err := few.GenerateAll(context.Background(), questions, told)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, all) || !reflect.DeepEqual(heard, all) {
		t.Error("a smaller cache gives other ids, or tells them of other questions")
	}
	for i, q := range questions {
		alone, err := few.Generate(context.Background(), q.Pictures, []string{q.Prompt}, g)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(alone[0], all[i]) {
			t.Errorf("question %d: ids %v alone and %v among others", i, alone[0], all[i])
		}
	}
	letters := []string{"A", "B", "circle"}
	for _, view := range [][][]byte{pictures[:1], pictures} {
		together, err := few.Letters(context.Background(), view, prompts, letters)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range prompts {
			alone, err := few.Letters(context.Background(), view, []string{q}, letters)
			if err != nil {
				t.Fatal(err)
			}
			for k := range letters {
				if math.Float64bits(alone[0][k]) != math.Float64bits(together[i][k]) {
					t.Errorf("prompt %d: log-probability of %s is %v alone and %v among others", i, letters[k], alone[0][k], together[i][k])
				}
			}
		}
	}
}
