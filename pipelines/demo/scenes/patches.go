package scenes

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"moslava/datasets"
)

// emptyEvery: one in so many cells without an object is labelled, lest they outweigh the others.
const emptyEvery = 4

// Patches yields n pictures of the train split with a word for each cell, which is one patch of the tiny vision tower: colour,
// shape or size of the object in it. It is the densest thing that a vision tower can learn from by itself.
func Patches(n int, seed uint64) iter.Seq[Sample] { return samples(n, patching(n, seed)) }

func patching(_ int, seed uint64) func(i int) Sample {
	attributes := []struct {
		ask string
		of  func(Object) string
	}{
		{"colour", func(o Object) string { return o.Colour.String() }},
		{"size", func(o Object) string { return o.Size.String() }},
		{"shape", func(o Object) string { return o.Shape.String() }},
	}
	return func(i int) Sample {
		s := New(seed, Train, 3, i)
		r := s.Rand(forDescribe)
		a := attributes[min(r.IntN(6), 2)] // mostly shapes, the hardest
		return Sample{
			ID:       fmt.Sprintf("patches-%06d", i),
			Pictures: []datasets.Picture{{Bytes: s.PNG()}},
			Turns:    []Turn{{From: datasets.Human, Value: a.ask + " " + datasets.ImageMarker}},
			Dense:    s.patches(r, a.of),
			Origin:   fmt.Sprintf("scenes/%s/patches:%d", s.Split, i),
		}
	}
}

// patches has a word for each cell: of its object, the background's colour, or none.
func (s *Scene) patches(r *rand.Rand, of func(Object) string) []string {
	out := make([]string, NumCells)
	for cell := range out {
		if r.IntN(emptyEvery) == 0 {
			out[cell] = s.Background.String()
		}
	}
	for _, o := range s.Objects {
		out[o.Cell] = of(o)
	}
	return out
}
