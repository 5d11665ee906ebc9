package moslora

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// stack is two blocks of two linears and a projection, 10 -> 10.
type stack struct{ linears []*nn.Linear }

func newStack(s *nn.Scope) *stack {
	m := &stack{}
	for i := range 2 {
		b := s.In("tower", "layers", i)
		m.linears = append(m.linears, b.In("attn").Linear("q_proj", 10, 14), b.LinearNoBias("fc", 14, 10))
	}
	m.linears = append(m.linears, s.Linear("proj", 10, 10))
	return m
}

func (m *stack) forward(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	for _, l := range m.linears {
		x = l.Forward(t, x)
		if l.Out() == 14 {
			x = t.Activate(kernels.GELU, x)
		}
	}
	return x
}

func build(t *testing.T) (*stack, *nn.Params) {
	t.Helper()
	m, ps, err := nn.Build(nn.Random(3), newStack)
	if err != nil {
		t.Fatal(err)
	}
	ps.Freeze()
	return m, ps
}

func input(rows, cols int, seed uint64) *autograd.Var {
	data, _ := nn.Random(seed).Tensor("x", []int{rows, cols}, nn.Normal(1))
	return autograd.New(data, rows, cols)
}

func everywhere(string) bool { return true }

func attach(t *testing.T, ps *nn.Params, cfg Config, src nn.Source) *Set {
	t.Helper()
	s := new(Set)
	if err := s.Attach(ps, everywhere, cfg, src); err != nil {
		t.Fatal(err)
	}
	return s
}

// stir moves every parameter of the adapters away from where it starts.
func stir(s *Set) {
	for p := range s.Params() {
		noise, _ := nn.Random(11).Tensor(p.Name, p.Shape, nn.Normal(0.3))
		device.Host.Workers().Add(p.Floats(), noise)
	}
}

func near(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	var largest, worst float64
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= worst) {
			worst = d
		}
	}
	if !(worst <= tol*largest) {
		t.Errorf("%s: differs by %g of the largest element, want at most %g", what, worst/largest, tol)
	}
}

var mixers = []Mixer{Kaiming, Orthogonal, Normal, Xavier, Identity, Butterfly, FixedOrthogonal, None}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	good := Config{R: 4, Alpha: 8, Mixer: Kaiming}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.R = 0 }, "r is 0, want 1 to 16384"},
		{func(c *Config) { c.R = -3 }, "r is -3"},
		{func(c *Config) { c.R = 1 << 20 }, "r is 1048576, want 1 to 16384"},
		{func(c *Config) { c.Alpha = 0 }, "alpha is 0: the adapter would change nothing"},
		{func(c *Config) { c.Alpha = math.NaN() }, "alpha is NaN, want a finite number"},
		{func(c *Config) { c.Alpha = math.Inf(1) }, "alpha is +Inf"},
		{func(c *Config) { c.Dropout = 1 }, "dropout is 1, want 0 to below 1"},
		{func(c *Config) { c.Dropout = -0.1 }, "dropout is -0.1"},
		{func(c *Config) { c.Dropout = math.NaN() }, "dropout is NaN"},
		{func(c *Config) { c.Mixer = "" }, `mixer is ""; known are kaiming, orthogonal, normal, xavier, identity, butterfly, fixed-orthogonal and none`},
		{func(c *Config) { c.Mixer = "zeros" }, "mixer zeros never trains"},
		{func(c *Config) { c.Mixer, c.R = Butterfly, 5 }, "r is 5: the butterfly mixer needs an even rank"},
		{func(c *Config) { c.Start = "gaussian" }, `start is "gaussian"; known are moslora_init, pissa and nothing`},
		{func(c *Config) { c.Start, c.Mixer = MoSLoRAInit, None }, "start moslora_init multiplies a mixer into A, and mixer is none"},
		{func(c *Config) { c.Targets = []string{"re:("} }, "targets has the pattern re:(: error parsing regexp"},
		{func(c *Config) { c.Targets = []string{"q_proj", "re:.*"} }, `targets has the pattern re:.* beside others: it stands alone or not at all`},
		{func(c *Config) { c.Targets = []string{"all-linear", "q_proj"} }, `targets has all-linear beside others: it stands alone`},
		{func(c *Config) { c.Targets = []string{""} }, "targets has an empty entry"},
	} {
		cfg := good
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", cfg, err, c.want)
		}
	}
	bad := Config{R: 0, Alpha: 0, Dropout: 2, Mixer: "x"}
	if n := len(strings.Split(bad.Validate().Error(), "\n")); n != 4 {
		t.Errorf("%d problems are reported at once, want 4", n)
	}
	if s := (Config{R: 16, Alpha: 8, RSLoRA: true}).Scale(); s != 2 {
		t.Errorf("the rank-stabilised scale is %g, want 2", s)
	}
	if s := (Config{R: 16, Alpha: 8}).Scale(); s != 0.5 {
		t.Errorf("the scale is %g, want 0.5", s)
	}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		targets []string
		want    string
	}{
		{nil, "tower.layers.0.attn.q_proj tower.layers.0.fc tower.layers.1.attn.q_proj tower.layers.1.fc proj"},
		{[]string{"all-linear"}, "tower.layers.0.attn.q_proj tower.layers.0.fc tower.layers.1.attn.q_proj tower.layers.1.fc proj"},
		{[]string{"q_proj"}, "tower.layers.0.attn.q_proj tower.layers.1.attn.q_proj"},
		{[]string{"proj"}, "proj"}, // a whole name, not the end of another
		{[]string{"attn.q_proj", "fc"}, "tower.layers.0.attn.q_proj tower.layers.0.fc tower.layers.1.attn.q_proj tower.layers.1.fc"},
		{[]string{"tower.layers.1.fc"}, "tower.layers.1.fc"},
		{[]string{`re:.*\.1\..*`}, "tower.layers.1.attn.q_proj tower.layers.1.fc"},
		{[]string{"re:proj|.*fc"}, "tower.layers.0.fc tower.layers.1.fc proj"}, // matched whole
	} {
		_, ps := build(t)
		s := attach(t, ps, Config{R: 2, Alpha: 2, Mixer: None, Targets: c.targets}, nn.Random(1))
		var got []string
		for a := range s.All() {
			got = append(got, a.Module)
		}
		if strings.Join(got, " ") != c.want || s.Len() != len(got) {
			t.Errorf("%q attach to %v, want %s", c.targets, got, c.want)
		}
	}
}

func TestAttachErrorsLeaveTheModelAlone(t *testing.T) {
	m, ps := build(t)
	inTower := func(name string) bool { return strings.HasPrefix(name, "tower.") }
	for _, c := range []struct {
		targets []string
		within  func(string) bool
		want    string
	}{
		{[]string{"k_proj"}, inTower, `targets ["k_proj"] match none of the 4 linears (such as tower.layers.0.attn.q_proj)`},
		{[]string{"re:q_proj"}, inTower, "match none of the 4 linears"},
		{[]string{"fc", "v_prj"}, inTower, `target "v_prj" matches none of the 4 linears (such as tower.layers.0.attn.q_proj)`},
		{nil, func(string) bool { return false }, "match none of the 0 linears (such as none at all)"},
	} {
		err := new(Set).Attach(ps, c.within, Config{R: 2, Alpha: 2, Mixer: None, Targets: c.targets}, nn.Random(1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.targets, err, c.want)
		}
	}
	if err := new(Set).Attach(ps, everywhere, Config{R: 0, Alpha: 2, Mixer: None}, nn.Random(1)); err == nil {
		t.Error("a wrong configuration is attached")
	}
	for _, l := range m.linears {
		if l.Adapter != nil {
			t.Errorf("%s has an adapter after an error", l.Name)
		}
	}
	s := attach(t, ps, Config{R: 2, Alpha: 2, Mixer: None, Targets: []string{"proj"}}, nn.Random(1))
	err := s.Attach(ps, everywhere, Config{R: 2, Alpha: 2, Mixer: None}, nn.Random(1))
	if err == nil || !strings.Contains(err.Error(), "proj has an adapter already") || s.Len() != 1 || m.linears[0].Adapter != nil {
		t.Errorf("a second adapter: %v, %d attached", err, s.Len())
	}
}

func TestAFreshAdapterChangesNothingToTheBit(t *testing.T) {
	x := input(7, 10, 1)
	for _, c := range methods(Config{R: 4, Alpha: 8, Dropout: 0.5}) {
		m, ps := build(t)
		want := slices.Clone(m.forward(nil, x).Floats())
		s := attach(t, ps, c, nn.Random(1))
		s.Train(true)
		for i, v := range m.forward(&autograd.Tape{}, x).Floats() {
			if math.Float32bits(v) != math.Float32bits(want[i]) {
				t.Fatalf("%+v: element %d is %g, was %g", c, i, v, want[i])
			}
		}
	}
}

// methods are configurations of every method.
func methods(c Config) (out []Config) {
	for _, mixer := range mixers {
		for _, start := range []Start{LoRAStart, MoSLoRAInit} {
			for _, dora := range []bool{false, true} {
				for _, rs := range []bool{false, true} {
					if mixer == None && start == MoSLoRAInit {
						continue
					}
					c.Mixer, c.Start, c.DoRA, c.RSLoRA = mixer, start, dora, rs
					c.FreezeA = rs // it has nothing to do with the others
					out = append(out, c)
				}
			}
		}
	}
	return out
}

// Attached, merged into the weights and folded into a plain LoRA, the effect is the same to 2e-6 of
// the largest output.
func TestMergeAndFoldKeepTheEffect(t *testing.T) {
	x := input(7, 10, 1)
	for _, c := range methods(Config{R: 4, Alpha: 3}) {
		name := fmt.Sprintf("%s %s rslora %v dora %v", c.Mixer, c.Start, c.RSLoRA, c.DoRA)
		m, ps := build(t)
		plain := slices.Clone(m.forward(nil, x).Floats())
		s := attach(t, ps, c, nn.Random(1))
		stir(s)
		want := slices.Clone(m.forward(nil, x).Floats())
		if slices.Equal(plain, want) {
			t.Fatalf("%s: the adapter does nothing", name)
		}
		dir := t.TempDir()
		if err := s.Save(dir, SaveOptions{Fold: true}); err != nil {
			t.Fatal(err)
		}
		s.Merge(ps)
		near(t, name+" merged", m.forward(nil, x).Floats(), want, 2e-6)
		if s.Len() != 0 || m.linears[0].Adapter != nil {
			t.Error("Merge leaves adapters")
		}
		folded, ps2 := build(t)
		saved, err := Load(dir, func(n string) string { return n })
		if err != nil {
			t.Fatal(err)
		}
		s2 := new(Set)
		if err := s2.AttachSaved(ps2, saved); err != nil {
			t.Fatal(err)
		}
		for a := range s2.All() {
			if a.M != nil || a.Config.Mixer != None || a.Config.DoRA != c.DoRA {
				t.Errorf("%s: folded, %s is %+v", name, a.Module, a.Config)
			}
		}
		near(t, name+" folded", folded.forward(nil, x).Floats(), want, 2e-6)
	}
}

// source overrides some parameters of another.
type source struct {
	nn.Source
	fixed map[string][]float32
}

func (s source) Tensor(name string, shape []int, init nn.Init) ([]float32, error) {
	if v, ok := s.fixed[name]; ok {
		return slices.Clone(v), nil
	}
	return s.Source.Tensor(name, shape, init)
}

// sgd trains the adapters of a stack for some steps against a fixed target, leaving out what skip
// names, and returns the outputs after each.
func sgd(t *testing.T, m *stack, s *Set, steps int, skip string) (outputs [][]float32) {
	t.Helper()
	x, target := input(7, 10, 1), input(7, 10, 2)
	s.Train(true)
	for range steps {
		for p := range s.Params() {
			p.Var().ZeroGrad()
		}
		tape := new(autograd.Tape)
		y := m.forward(tape, x)
		g := make([]float32, len(y.Floats()))
		device.Host.Workers().AddTo(g, y.Floats(), g)
		kernels.Axpy(g, -1, target.Floats()) // of half the squared distance
		outputs = append(outputs, slices.Clone(y.Floats()))
		if err := tape.BackwardFrom(y, autograd.New(g, y.Shape()...)); err != nil {
			t.Fatal(err)
		}
		for p := range s.Params() {
			if skip == "" || !strings.HasSuffix(p.Name, skip) {
				kernels.Axpy(p.Floats(), -0.01, p.Var().GradFloats())
			}
		}
	}
	return outputs
}

func TestAnIdentityMixerStartsAsLoRA(t *testing.T) {
	step := func(mixer Mixer) (map[string][]float32, []float32) {
		m, ps := build(t)
		s := attach(t, ps, Config{R: 4, Alpha: 8, Mixer: mixer}, nn.Random(1))
		for a := range s.All() { // B that is not zero, so that A has a gradient, too
			b, _ := nn.Random(4).Tensor(a.Module, a.B.Shape, nn.Normal(0.1))
			copy(a.B.Floats(), b)
		}
		sgd(t, m, s, 1, suffixM)
		out := map[string][]float32{}
		for p := range s.Params() {
			out[p.Name] = p.Floats()
		}
		return out, m.forward(nil, input(7, 10, 1)).Floats()
	}
	lora, y := step(None)
	mixed, z := step(Identity)
	for name, want := range lora {
		if !slices.Equal(mixed[name], want) {
			t.Errorf("%s differs from LoRA's after one step", name)
		}
	}
	if !slices.Equal(y, z) {
		t.Error("outputs differ from LoRA's after one step")
	}
}

// A fixed orthogonal mixer trains under SGD as LoRA does from A' = M·A (MoSLoRA, arXiv 2406.11909,
// appendix): the outputs of ten steps agree to 1e-5 of the largest.
func TestAFixedOrthogonalMixerIsLoRAElsewhere(t *testing.T) {
	m, ps := build(t)
	s := attach(t, ps, Config{R: 4, Alpha: 8, Mixer: FixedOrthogonal}, nn.Random(1))
	fixed := map[string][]float32{}
	for a := range s.All() {
		fixed[a.A.Name] = a.mixed()
	}
	want := sgd(t, m, s, 10, "")

	lora, ps2 := build(t)
	s2 := attach(t, ps2, Config{R: 4, Alpha: 8, Mixer: None}, source{nn.Random(1), fixed})
	got := sgd(t, lora, s2, 10, "")
	for i := range want {
		near(t, fmt.Sprint("step ", i), got[i], want[i], 1e-5)
	}
	if slices.Equal(want[0], want[9]) {
		t.Error("nothing is trained")
	}
	for a := range s.All() {
		if slices.Equal(a.mixed(), fixed[a.A.Name]) {
			t.Errorf("%s: A is not trained", a.Module)
		}
	}
}

func TestParamsLeaveTheFixedMixerOut(t *testing.T) {
	for _, mixer := range mixers {
		_, ps := build(t)
		s := attach(t, ps, Config{R: 2, Alpha: 2, Mixer: mixer, Targets: []string{"proj"}}, nn.Random(1))
		var names []string
		for p := range s.Params() {
			names = append(names, p.Name)
		}
		want := []string{"proj.lora_A.weight", "proj.lora_AB.weight", "proj.lora_B.weight"}
		if mixer.Fixed() || mixer == None {
			want = slices.Delete(want, 1, 2)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s trains %v, want %v", mixer, names, want)
		}
		s.Train(true)
		for p := range s.Params() {
			if !p.Trainable() {
				t.Errorf("%s is not trainable", p.Name)
			}
		}
		if s.Train(false); slices.ContainsFunc(slices.Collect(s.Params()), (*nn.Param).Trainable) {
			t.Error("Train(false) leaves something trainable")
		}
	}
}
