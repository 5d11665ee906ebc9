package language

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// beamCase is one of testdata/beams.json, which transformers 5.23 made (testdata/beams.py).
type beamCase struct {
	Model  string
	Prompt []int32
	MaxNew int `json:"max_new"`
	Stop   []int32
	IDs    []int32
	Score  float64
}

func beamCases(t *testing.T) map[string][]beamCase {
	t.Helper()
	raw, err := os.ReadFile("testdata/beams.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []beamCase
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	out := map[string][]beamCase{}
	for _, c := range all {
		out[c.Model] = append(out[c.Model], c)
	}
	return out
}

// search runs the cases of a model that have the same bounds, all at once.
func search(t *testing.T, d *Decoder, cases []beamCase) [][]int32 {
	t.Helper()
	c := d.NewCache(0, 0)
	var chunks []Chunk
	var slots []int
	for _, b := range cases {
		slots = append(slots, c.Open(len(b.Prompt)+b.MaxNew))
		chunks = append(chunks, Chunk{Slot: slots[len(slots)-1], X: d.Embed.Forward(nil, b.Prompt)})
	}
	h, err := d.Extend(c, chunks)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Generate(context.Background(), c, slots, h, Generation{MaxNew: cases[0].MaxNew, Stop: cases[0].Stop, Beams: 4})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBeamSearchAgreesWithTransformers(t *testing.T) {
	n, stopped := 0, 0
	for model, cases := range beamCases(t) {
		d, ps := load(t, model, "config.json")
		ps.Freeze()
		for _, c := range cases {
			if got := search(t, d, []beamCase{c})[0]; !slices.Equal(got, c.IDs) {
				t.Errorf("%s, prompt %v, stop %v:\n%v, transformers has\n%v", model, c.Prompt, c.Stop, got, c.IDs)
			}
			n++
			if len(c.IDs) < c.MaxNew {
				stopped++
			}
		}
	}
	if n != 48 || stopped < 10 {
		t.Errorf("%d cases, of which %d stop early", n, stopped)
	}
}

// Sequences that are searched together give what each gives by itself.
func TestBeamSearchTogether(t *testing.T) {
	d, ps := load(t, "llama-tiny", "config.json")
	ps.Freeze()
	together := []beamCase{{Prompt: []int32{1, 5, 9}, MaxNew: 12, Stop: []int32{3, 7}}, {Prompt: []int32{2, 2}, MaxNew: 12, Stop: []int32{3, 7}},
		{Prompt: []int32{4, 8, 1, 6, 30, 2}, MaxNew: 12, Stop: []int32{3, 7}}}
	for i, got := range search(t, d, together) {
		if alone := search(t, d, together[i:i+1])[0]; !slices.Equal(got, alone) {
			t.Errorf("sequence %d: together %v, alone %v", i, got, alone)
		}
	}
}

func TestBeamSearchRefuses(t *testing.T) {
	d, ps := load(t, "llama-tiny", "config.json")
	ps.Freeze()
	c := d.NewCache(1, 8)
	h, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, []int32{1})}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Generate(context.Background(), c, []int{0}, h, Generation{MaxNew: 2, Beams: 2, Sampling: Sampling{Temperature: 1}})
	if err == nil || !strings.Contains(err.Error(), "neither samples") {
		t.Errorf("error %v", err)
	}
}
