package moslora

import (
	"math"
	"slices"
	"strings"
	"testing"

	"moslava/internal/nn"
)

func start(t *testing.T, m Mixer, r int) []float32 {
	t.Helper()
	data, err := nn.Random(5).Tensor("x"+suffixM, []int{r, r}, m.init())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOrthogonalMixerIsOrthogonal(t *testing.T) {
	for _, r := range []int{1, 2, 7, 64, 128} {
		q := start(t, Orthogonal, r)
		for i := range r {
			for j := range r {
				var s, want float64
				for k := range r {
					s += float64(q[i*r+k]) * float64(q[j*r+k])
				}
				if i == j {
					want = 1
				}
				if math.Abs(s-want) > 1e-6 {
					t.Fatalf("r %d: rows %d and %d have the product %g", r, i, j, s)
				}
			}
		}
	}
	// Uniform over the group: both signs of the first entry occur about as often.
	negative := 0
	for seed := range 200 {
		q, _ := nn.Random(seed).Tensor("m", []int{3, 3}, orthogonal)
		if q[0] < 0 {
			negative++
		}
	}
	if negative < 70 || negative > 130 {
		t.Errorf("the first entry is negative in %d of 200", negative)
	}
}

func TestKaimingMixerFillsItsBounds(t *testing.T) {
	const r = 64
	m := start(t, Kaiming, r)
	var square, largest float64
	for _, v := range m {
		square += float64(v) * float64(v)
		largest = max(largest, math.Abs(float64(v)))
	}
	if largest > 1.0/8 || largest < 0.124 {
		t.Errorf("the largest entry is %g, want close to 1/√r = 0.125 and not above", largest)
	}
	if std := math.Sqrt(square / (r * r)); math.Abs(std-0.125/math.Sqrt(3)) > 0.002 {
		t.Errorf("the deviation is %g, want %g", std, 0.125/math.Sqrt(3))
	}
}

func TestFixedStarts(t *testing.T) {
	if got := start(t, Identity, 3); !slices.Equal(got, []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}) {
		t.Errorf("identity is %v", got)
	}
	if got := start(t, Butterfly, 4); !slices.Equal(got, []float32{1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1}) {
		t.Errorf("butterfly is %v", got)
	}
	if got := start(t, Butterfly, 2); !slices.Equal(got, []float32{1, 1, 1, 1}) {
		t.Errorf("butterfly of 2 is %v", got)
	}
}

func TestNormalAndXavierStarts(t *testing.T) {
	const r = 64
	for m, want := range map[Mixer]float64{Normal: 1, Xavier: math.Sqrt(1.0 / r)} { // U(-b, b) has the deviation b/√3
		var square, largest float64
		for _, v := range start(t, m, r) {
			square += float64(v) * float64(v)
			largest = max(largest, math.Abs(float64(v)))
		}
		if std := math.Sqrt(square / (r * r)); math.Abs(std-want) > 0.03*want {
			t.Errorf("%s: the deviation is %g, want %g", m, std, want)
		}
		if bound := math.Sqrt(3.0 / r); m == Xavier && (largest > bound || largest < 0.99*bound) {
			t.Errorf("xavier: the largest entry is %g, want close to %g and not above", largest, bound)
		}
	}
}

// MoSLoRA_Init is LoRA whose A starts as M·A of MoSLoRA with the same seed.
func TestMoSLoRAInitStartsWhereMoSLoRADoes(t *testing.T) {
	for _, mixer := range []Mixer{Kaiming, Orthogonal, Butterfly} {
		_, ps := build(t)
		mixed := attach(t, ps, Config{R: 4, Alpha: 8, Mixer: mixer}, nn.Random(1))
		m2, ps2 := build(t)
		cfg := Config{R: 4, Alpha: 8, Mixer: mixer, Start: MoSLoRAInit}
		folded := attach(t, ps2, cfg, nn.Random(1))
		for i, a := range folded.list {
			if want := mixed.list[i].mixed(); !slices.Equal(a.A.Floats(), want) || a.M != nil || a.Config.Mixer != None {
				t.Errorf("%s: %s does not start from M·A without a mixer", mixer, a.Module)
			}
		}
		// From there it trains as LoRA that was given this A.
		fixed := map[string][]float32{}
		for _, a := range folded.list {
			fixed[a.A.Name] = slices.Clone(a.A.Floats())
		}
		got := sgd(t, m2, folded, 3, "")
		m3, ps3 := build(t)
		want := sgd(t, m3, attach(t, ps3, Config{R: 4, Alpha: 8, Mixer: None}, source{nn.Random(1), fixed}), 3, "")
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s: step %d differs from LoRA's", mixer, i)
			}
		}
	}
}

func TestAFrozenAStays(t *testing.T) {
	m, ps := build(t)
	s := attach(t, ps, Config{R: 4, Alpha: 8, Mixer: Kaiming, FreezeA: true}, nn.Random(1))
	before := map[string][]float32{}
	for a := range s.All() {
		before[a.A.Name] = slices.Clone(a.A.Floats())
	}
	out := sgd(t, m, s, 5, "")
	if slices.Equal(out[0], out[4]) {
		t.Error("nothing is trained")
	}
	for a := range s.All() {
		if !slices.Equal(a.A.Floats(), before[a.A.Name]) || a.A.Var().GradFloats() != nil {
			t.Errorf("%s is trained", a.A.Name)
		}
		if len(a.Params()) != 2 {
			t.Errorf("%s trains %d parameters, want M and B", a.Module, len(a.Params()))
		}
	}
}

func TestPatternsOfModules(t *testing.T) {
	with := func(f func(*Config) error) Config {
		c := Config{R: 4, Alpha: 8, Mixer: Kaiming}
		if err := f(&c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	_, ps := build(t)
	s := attach(t, ps, with(func(c *Config) error {
		if err := c.AlphaPattern.Add("proj", 2); err != nil {
			return err
		}
		if err := c.MixerPattern.Add(`layers\.1\..*`, Butterfly); err != nil {
			return err
		}
		if err := c.RankPattern.Add("attn.q_proj", 6); err != nil {
			return err
		}
		return c.RankPattern.Add("q_proj", 7)
	}), nn.Random(1))
	want := map[string]Config{
		"tower.layers.0.attn.q_proj": {R: 6, Alpha: 8, Mixer: Kaiming}, "tower.layers.0.fc": {R: 4, Alpha: 8, Mixer: Kaiming},
		"tower.layers.1.attn.q_proj": {R: 6, Alpha: 8, Mixer: Butterfly}, "tower.layers.1.fc": {R: 4, Alpha: 8, Mixer: Butterfly},
		"proj": {R: 4, Alpha: 2, Mixer: Kaiming}}
	for a := range s.All() {
		if c, w := a.Config, want[a.Module]; c.R != w.R || c.Alpha != w.Alpha || c.Mixer != w.Mixer || a.M.Shape[0] != w.R {
			t.Errorf("%s is %+v, want %+v", a.Module, c, w)
		}
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{with(func(c *Config) error { return c.RankPattern.Add("k_proj", 2) }),
			`rank_pattern "k_proj" matches none of the 5 modules with an adapter (such as tower.layers.0.attn.q_proj)`},
		{with(func(c *Config) error { return c.AlphaPattern.Add("fc", 0) }), "tower.layers.0.fc: alpha is 0"},
		{with(func(c *Config) error { return c.MixerPattern.Add("fc", "zeros") }), "tower.layers.0.fc: mixer zeros never trains"},
		{with(func(c *Config) error { c.Mixer = Butterfly; return c.RankPattern.Add("fc", 3) }),
			"tower.layers.1.fc: r is 3: the butterfly mixer needs an even rank"},
	} {
		m, ps := build(t)
		err := new(Set).Attach(ps, everywhere, c.cfg, nn.Random(1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		for _, l := range m.linears {
			if l.Adapter != nil {
				t.Errorf("%s has an adapter after the error", l.Name)
			}
		}
	}
	if err := new(Patterns[int]).Add("(", 1); err == nil || !strings.Contains(err.Error(), `pattern "("`) {
		t.Errorf("a broken pattern: %v", err)
	}
}
