package moslora

import (
	"math"
	"slices"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/nn"
)

// Rows of the merged weight have the lengths that magnitudes say, whatever the mixer.
func TestMagnitudesAreLengthsOfRows(t *testing.T) {
	for _, mixer := range mixers {
		m, ps := build(t)
		s := attach(t, ps, Config{R: 4, Alpha: 8, Mixer: mixer, DoRA: true}, nn.Random(1))
		stir(s)
		lengths := map[string][]float32{}
		for a := range s.All() {
			lengths[a.Module] = slices.Clone(a.Mag.Floats())
		}
		s.Merge(ps)
		for _, l := range m.linears {
			for j, norm := range l.RowNorms() {
				if want := lengths[l.Name][j]; math.Abs(math.Abs(float64(want))-float64(norm)) > 1e-6*math.Abs(float64(want)) {
					t.Errorf("%s: row %d of %s has the length %g, want %g", mixer, j, l.Name, norm, want)
				}
			}
		}
	}
}

// Row by row a layer gives what it gives with one, and what it was told last.
func TestDoRARowByRow(t *testing.T) {
	m, ps := build(t)
	s := attach(t, ps, Config{R: 4, Alpha: 8, Mixer: Kaiming, DoRA: true}, nn.Random(1))
	x := input(7, 10, 1)
	l := m.linears[0]
	for range 2 {
		stir(s)
		s.Train(false)
		want := l.Forward(nil, x).Floats()
		var got []float32
		for r := range 7 {
			got = append(got, l.Forward(nil, autograd.New(x.Floats()[r*10:][:10], 1, 10)).Floats()...)
		}
		near(t, "row by row", got, want, 0)
	}
}

// A mixer is trained with DoRA: it is not left out.
func TestDoRATrainsTheMixer(t *testing.T) {
	m, ps := build(t)
	s := attach(t, ps, Config{R: 4, Alpha: 8, Mixer: Orthogonal, DoRA: true}, nn.Random(1))
	before := map[string][]float32{}
	for p := range s.Params() {
		before[p.Name] = slices.Clone(p.Floats())
	}
	out := sgd(t, m, s, 5, "")
	if slices.Equal(out[0], out[4]) {
		t.Error("nothing is trained")
	}
	for p := range s.Params() {
		if slices.Equal(p.Floats(), before[p.Name]) {
			t.Errorf("%s is not trained", p.Name)
		}
	}
}
