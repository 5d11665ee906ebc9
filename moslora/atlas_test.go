package moslora

import (
	"math"
	"slices"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/nn"
)

func composition(t *testing.T) (*Composition, []map[string][]float32) {
	t.Helper()
	a, da := directory(t, Config{R: 4, Alpha: 3, Mixer: Kaiming, Targets: []string{"q_proj", "fc"}}, 1, SaveOptions{})
	b, db := directory(t, Config{R: 2, Alpha: 5, Mixer: None, Targets: []string{"fc", "proj"}}, 2, SaveOptions{})
	c, err := ReadComposition([]string{a, b}, same)
	if err != nil {
		t.Fatal(err)
	}
	return c, []map[string][]float32{da, db}
}

func TestCoefficients(t *testing.T) {
	c, deltas := composition(t)
	x := input(7, 10, 1)
	m, ps := build(t)
	plain := slices.Clone(m.forward(nil, x).Floats())
	s := new(Set)
	if err := s.AttachComposition(ps, c); err != nil {
		t.Fatal(err)
	}
	s.Train(true)
	for i, v := range m.forward(new(autograd.Tape), x).Floats() { // zero coefficients
		if math.Float32bits(v) != math.Float32bits(plain[i]) {
			t.Fatalf("element %d is %g, was %g", i, v, plain[i])
		}
	}
	n := 0
	for p := range s.Params() {
		if !strings.HasSuffix(p.Name, suffixC) {
			t.Errorf("%s is trained", p.Name)
		}
		n += p.Size()
	}
	if n != 7 { // two of fc twice, one of q_proj twice, one of proj
		t.Errorf("%d coefficients, want 7", n)
	}
	out := sgd(t, m, s, 10, "")
	if slices.Equal(out[0], out[9]) {
		t.Error("nothing is trained")
	}
	want := slices.Clone(m.forward(nil, x).Floats())
	for a := range s.All() {
		var sum []float32
		k := 0
		for _, d := range deltas {
			if d[a.Module] == nil {
				continue
			}
			if sum == nil {
				sum = make([]float32, len(d[a.Module]))
			}
			for i, v := range d[a.Module] {
				sum[i] += a.C.Floats()[k] * v
			}
			k++
		}
		near(t, a.Module, a.Delta(), sum, 2e-6)
	}
	dir := t.TempDir()
	if err := s.Save(dir, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	back, s2, err := load(t, dir, same)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "read back", back.forward(nil, x).Floats(), want, 2e-6)
	if s2.list[0].C != nil || s2.list[0].Config.Mixer != None {
		t.Errorf("it is read back as %+v", s2.list[0].Config)
	}
	s.Merge(ps)
	near(t, "merged", m.forward(nil, x).Floats(), want, 2e-6)
}

func TestCompositionErrors(t *testing.T) {
	c, _ := composition(t)
	_, ps := build(t)
	attach(t, ps, Config{R: 2, Alpha: 2, Mixer: None, Targets: []string{"proj"}}, nn.Random(1))
	if err := new(Set).AttachComposition(ps, c); err == nil || !strings.Contains(err.Error(), "proj has an adapter already") {
		t.Error(err)
	}
	c.modules["elsewhere"] = c.modules["proj"]
	m, ps := build(t)
	if err := new(Set).AttachComposition(ps, c); err == nil || !strings.Contains(err.Error(), "the model has no linear elsewhere") || m.linears[0].Adapter != nil {
		t.Error(err)
	}
	dora, _ := directory(t, Config{R: 2, Alpha: 2, Mixer: None, DoRA: true}, 1, SaveOptions{})
	if _, err := ReadComposition([]string{dora}, same); err == nil || !strings.Contains(err.Error(), "has DoRA") {
		t.Error(err)
	}
}
