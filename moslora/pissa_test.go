package moslora

import (
	"math"
	"slices"
	"strings"
	"testing"

	"moslava/internal/nn"
)

// A PiSSA start splits the weight: to rounding the outputs are what they were, attached, read back, merged and detached.
func TestPiSSASplitsTheWeight(t *testing.T) {
	x := input(7, 10, 1)
	for _, rs := range []bool{false, true} {
		cfg := Config{R: 3, Alpha: 5, Mixer: None, Start: PiSSA, RSLoRA: rs}
		m, ps := build(t)
		plain := slices.Clone(m.forward(nil, x).Floats())
		before := slices.Clone(m.linears[0].Weight.Floats())
		s := attach(t, ps, cfg, nn.Random(1))
		near(t, "attached", m.forward(nil, x).Floats(), plain, 2e-6)
		if slices.Equal(before, m.linears[0].Weight.Floats()) {
			t.Error("the weight is as it was")
		}
		stir(s)
		want := slices.Clone(m.forward(nil, x).Floats())

		for _, fold := range []bool{false, true} {
			dir := t.TempDir()
			if err := s.Save(dir, SaveOptions{Fold: fold}); err != nil {
				t.Fatal(err)
			}
			back, s2, err := load(t, dir, same)
			if err != nil {
				t.Fatal(err)
			}
			if got := back.forward(nil, x).Floats(); !slices.Equal(got, want) && !rs {
				t.Error("read back it computes something else")
			} else {
				near(t, "read back", got, want, 2e-6)
			}
			if c := s2.list[0].Config; c.R != 3 || math.Abs(c.Alpha-5) > 1e-9 || c.Start != PiSSA {
				t.Errorf("read back as %+v", c)
			}
			edit(t, dir, func(c map[string]any) { delete(c, "pissa_start") }, nil) // as another program reads it
			other, s3, err := load(t, dir, same)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "as LoRA of twice the rank", other.forward(nil, x).Floats(), want, 2e-6)
			if c := s3.list[0].Config; c.R != 6 || c.Start != LoRAStart {
				t.Errorf("without pissa_start it is %+v", c)
			}
		}
		m2, ps2 := build(t)
		s2 := attach(t, ps2, cfg, nn.Random(2)) // drawn from nothing
		for i, a := range s2.list {
			if !slices.Equal(a.start.a, s.list[i].start.a) || !slices.Equal(a.start.b, s.list[i].start.b) {
				t.Errorf("%s starts elsewhere the second time", a.Module)
			}
		}
		s2.Detach(ps2)
		near(t, "detached", m2.forward(nil, x).Floats(), plain, 2e-6)
		s.Merge(ps)
		near(t, "merged", m.forward(nil, x).Floats(), want, 2e-6)
	}
}

// The rest is what the other singular values make: with all of them nothing is left.
func TestPiSSATakesTheLargest(t *testing.T) {
	m, ps := build(t)
	attach(t, ps, Config{R: 10, Alpha: 5, Mixer: None, Start: PiSSA}, nn.Random(1))
	for _, l := range m.linears {
		for _, v := range l.Weight.Floats() {
			if math.Abs(float64(v)) > 1e-6 {
				t.Fatalf("%s keeps %g", l.Name, v)
			}
		}
	}
}

func TestPiSSAErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{R: 3, Alpha: 1, Mixer: Kaiming, Start: PiSSA}, "start pissa splits the weight into A and B, and mixer is kaiming"},
		{Config{R: 3, Alpha: -1, Mixer: None, Start: PiSSA}, "start pissa needs a positive scale"},
		{Config{R: 3, Alpha: 1, Mixer: None, Start: PiSSA, DoRA: true}, "start pissa and dora"},
		{Config{R: 11, Alpha: 1, Mixer: None, Start: PiSSA}, "r is 11, and the weight [14, 10] has 10 singular values"},
	} {
		_, ps := build(t)
		if err := new(Set).Attach(ps, everywhere, c.cfg, nn.Random(1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
