package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
)

// stored is a Source like a checkpoint.
type stored map[string][]int

func (s stored) Float32(name string, shape []int) ([]float32, error) {
	have, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("no tensor %s", name)
	}
	if !slices.Equal(have, shape) {
		return nil, fmt.Errorf("tensor %s has shape %v, want %v", name, have, shape)
	}
	return make([]float32, sizeOf(shape)), nil
}

// sizeOf is the number of elements of a shape.
func sizeOf(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// small is a model with every kind of layer.
type small struct {
	embed *Embedding
	up    *Linear
	norm  *RMSNorm
	layer *LayerNorm
	down  *Linear
	head  *Head
}

func newSmall(tied bool) func(*Scope) *small {
	return func(s *Scope) *small {
		m := &small{embed: s.Embedding("embed", 20, 6)}
		b := s.In("blocks", 0)
		m.up, m.down = b.Linear("up", 6, 9), b.LinearNoBias("down", 9, 6)
		m.norm, m.layer = b.RMSNorm("norm", 6, 1e-5), b.LayerNorm("layer", 6, 1e-5)
		if tied {
			m.head = s.TiedHead("lm_head", m.embed)
		} else {
			m.head = s.Head("lm_head", 6, 20)
		}
		return m
	}
}

func (m *small) logits(t *autograd.Tape) []float32 {
	x := m.embed.Forward(t, []int32{3, 0, 19, 7})
	x = m.layer.Forward(t, m.norm.Forward(t, x))
	return m.head.Logits(t, m.down.Forward(t, m.up.Forward(t, x))).Floats()
}

func build(t *testing.T, tied bool) (*small, *Params) {
	t.Helper()
	m, ps, err := Build(Random(7), newSmall(tied))
	if err != nil {
		t.Fatal(err)
	}
	return m, ps
}

func all(string) bool { return true }

func only(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

func near(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tol) {
			t.Fatalf("%s: element %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

func TestBuildReportsEveryProblemAtOnce(t *testing.T) {
	src := From(stored{"embed.weight": {20, 6}, "blocks.0.up.weight": {6, 9}, "blocks.0.up.bias": {9}, "lm_head.weight": {20, 6},
		"blocks.0.norm.weight": {6}, "blocks.0.layer.weight": {6}})
	m, ps, err := Build(src, func(s *Scope) *small {
		m := newSmall(false)(s)
		s.In("blocks", 0).Param("norm.weight", Ones, 6)
		s.In("blocks", 1).Fail(errors.New("cannot be made"))
		return m
	})
	if err == nil || m != nil || ps != nil {
		t.Fatalf("Build gives %v, %v, %v", m, ps, err)
	}
	for _, want := range []string{
		"tensor blocks.0.up.weight has shape [6 9], want [9 6]",
		"no tensor blocks.0.down.weight", "no tensor blocks.0.layer.bias",
		`parameter "blocks.0.norm.weight" is declared twice`, "blocks.1: cannot be made",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 5 {
		t.Errorf("%d problems are reported, want 5:\n%v", n, err)
	}
}

func TestParamsAreNamedInOrder(t *testing.T) {
	m, ps := build(t, false)
	var names []string
	for p := range ps.All() {
		names = append(names, p.Name)
		if ps.Get(p.Name) != p {
			t.Errorf("Get(%q) is another parameter", p.Name)
		}
	}
	want := []string{"embed.weight", "blocks.0.up.weight", "blocks.0.up.bias", "blocks.0.down.weight", "blocks.0.norm.weight",
		"blocks.0.layer.weight", "blocks.0.layer.bias", "lm_head.weight"}
	if !slices.Equal(names, want) {
		t.Errorf("names are %v, want %v", names, want)
	}
	if ps.Get("up") != nil {
		t.Error("Get finds a name that is not there")
	}
	if got := slices.Collect(ps.Linears()); !slices.Equal(got, []*Linear{m.up, m.down}) || m.up.Name != "blocks.0.up" || m.up.In() != 6 || m.up.Out() != 9 {
		t.Errorf("linears are %v", got)
	}
}

func TestRandomDependsOnSeedAndNameAlone(t *testing.T) {
	_, ps := build(t, false)
	_, other, err := Build(Random(7), func(s *Scope) *Linear {
		s.Linear("extra", 4, 4)
		return s.In("blocks", 0).LinearNoBias("down", 9, 6)
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b := ps.Get("blocks.0.down.weight").Floats(), other.Get("blocks.0.down.weight").Floats()
	if !slices.Equal(a, b) {
		t.Error("another layer changed a parameter")
	}
	c, _ := Random(8).Tensor("blocks.0.down.weight", []int{6, 9}, KaimingUniform)
	d, _ := Random(7).Tensor("blocks.1.down.weight", []int{6, 9}, KaimingUniform)
	if slices.Equal(a, c) || slices.Equal(a, d) {
		t.Error("another seed or name gives the same parameter")
	}
	for _, v := range a {
		if math.Abs(float64(v)) > 1.0/3 {
			t.Errorf("%g lies outside 1/√9", v)
		}
	}
	if !slices.Equal(ps.Get("blocks.0.norm.weight").Floats(), []float32{1, 1, 1, 1, 1, 1}) || !slices.Equal(ps.Get("blocks.0.layer.bias").Floats(), make([]float32, 6)) {
		t.Error("norms do not start at one and zero")
	}
	var sum float64
	n, _ := Random(1).Tensor("n", []int{20000}, Normal(0.02))
	for _, v := range n {
		sum += float64(v) * float64(v)
	}
	if std := math.Sqrt(sum / 20000); math.Abs(std-0.02) > 5e-4 {
		t.Errorf("Normal(0.02) has deviation %g", std)
	}
}

// named is a Source that remembers what it was asked for.
type named struct{ asked *[]string }

func (n named) Tensor(name string, shape []int, _ Init) ([]float32, error) {
	*n.asked = append(*n.asked, name)
	return make([]float32, sizeOf(shape)), nil
}

func TestMuxSendsTheLongestPrefix(t *testing.T) {
	var tower, block, rest []string
	m := Mux{"vision.": named{&tower}, "vision.block.": Whole("vision.block.", named{&block}), "": named{&rest}}
	for _, n := range []string{"vision.block.w", "vision.w", "language.w"} {
		if _, err := m.Tensor(n, []int{1}, Zeros); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(tower, []string{"w"}) || !slices.Equal(block, []string{"vision.block.w"}) || !slices.Equal(rest, []string{"language.w"}) {
		t.Errorf("asked for %v, %v, %v", tower, block, rest)
	}
	delete(m, "")
	if _, err := m.Tensor("language.w", []int{1}, Zeros); err == nil || !strings.Contains(err.Error(), "language.w") {
		t.Errorf("a name without a source: %v", err)
	}
}

func TestTrainPacksWhatIsFrozen(t *testing.T) {
	for _, tied := range []bool{false, true} {
		m, ps := build(t, tied)
		want := m.logits(nil)
		ps.Freeze()
		near(t, "frozen", m.logits(nil), want, 1e-6)
		if m.up.Weight.v != nil || m.up.Weight.packed == nil || m.down.Weight.v != nil {
			t.Error("a frozen linear keeps its plain weight")
		}
		if h := m.head.Weight; h.packed == nil || (h.v != nil) != tied {
			t.Errorf("tied %v: the frozen head is packed %v, plain %v", tied, h.packed != nil, h.v != nil)
		}
		if n := ps.Train(only("blocks.0.up.weight", "blocks.0.up.bias", "nowhere")); n != 2 {
			t.Errorf("%d parameters match, want 2", n)
		}
		for p := range ps.All() {
			if got := p.Trainable(); got != strings.HasPrefix(p.Name, "blocks.0.up") {
				t.Errorf("%s is trainable: %v", p.Name, got)
			}
		}
		if m.up.Weight.packed != nil || m.down.Weight.packed == nil {
			t.Error("Train packs a trained weight or unpacks a frozen one")
		}
		near(t, "partly trained", m.logits(nil), want, 1e-6)
		if n := ps.Train(all); m.head.Weight.packed != nil || m.down.Weight.packed != nil {
			t.Errorf("of %d trained parameters some are packed", n)
		}
		near(t, "trained", m.logits(nil), want, 1e-6)
		for p := range ps.All() {
			if p.Trainable(); len(p.Floats()) != p.Size() {
				t.Errorf("%s has %d elements", p.Name, len(p.Floats()))
			}
		}
	}
}

func TestTrainingReachesATiedTable(t *testing.T) {
	m, ps := build(t, true)
	ps.Train(all)
	tape := new(autograd.Tape)
	loss, _ := m.head.Loss(tape, m.embed.Forward(tape, []int32{3, 4}), []int32{5, 6})
	if err := tape.Backward(loss, 1); err != nil {
		t.Fatal(err)
	}
	g := m.embed.Weight.Var().GradFloats()
	for _, row := range []int{3, 4, 5} {
		if slices.Equal(g[row*6:][:6], make([]float32, 6)) {
			t.Errorf("row %d of the shared table has no gradient", row)
		}
	}
	if ps.Freeze(); m.embed.Weight.Var().GradFloats() != nil {
		t.Error("a frozen parameter keeps its gradient")
	}
}

func TestSetReplacesPackedAndPlain(t *testing.T) {
	for _, tied := range []bool{false, true} {
		for _, frozen := range []bool{false, true} {
			m, ps := build(t, tied)
			other, _, err := Build(Random(8), newSmall(tied))
			if err != nil {
				t.Fatal(err)
			}
			if frozen {
				ps.Freeze()
			}
			for _, p := range []struct{ to, from *Param }{{m.up.Weight, other.up.Weight}, {m.up.Bias, other.up.Bias}, {m.down.Weight, other.down.Weight},
				{m.embed.Weight, other.embed.Weight}, {m.head.Weight, other.head.Weight}} {
				if err := p.to.Set(p.from.Floats(), p.from.Shape); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(p.to.Floats(), p.from.Floats()) {
					t.Errorf("%s is not what was set", p.to.Name)
				}
			}
			near(t, fmt.Sprint("tied ", tied, " frozen ", frozen), m.logits(nil), other.logits(nil), 1e-6)
			if frozen != (m.up.Weight.packed != nil) || frozen != (m.head.Weight.packed != nil) {
				t.Error("Set changes whether a weight is packed")
			}
			err = m.up.Weight.Set(make([]float32, 54), []int{6, 9})
			if err == nil || !strings.Contains(err.Error(), "blocks.0.up.weight has shape [6 9], want [9 6]") {
				t.Errorf("a wrong shape: %v", err)
			}
			if err := m.up.Weight.Set(make([]float32, 53), []int{9, 6}); err == nil {
				t.Error("too few elements are taken")
			}
		}
	}
}

// term adds a constant matrix.
type term struct{ delta []float32 }

func (a *term) Adapt(_ *autograd.Tape, layer *autograd.Layer) {
	const in = 6
	one := make([]float32, in*in)
	for i := range in {
		one[i*in+i] = 1
	}
	layer.Low = &autograd.LowRank{A: autograd.New(one, in, in), B: autograd.New(a.delta, len(a.delta)/in, in), Scale: 1}
}
func (a *term) MergeInto(w []float32) { device.Host.Workers().Add(w, a.delta) }
func (a *term) Params() []*Param      { return nil }

func TestMergeKeepsOutputs(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		m, ps := build(t, false)
		if frozen {
			ps.Freeze()
		}
		m.up.Merge() // without an adapter: nothing
		plain := m.logits(nil)
		r := rand.New(rand.NewPCG(1, 2))
		d := make([]float32, 54)
		for i := range d {
			d[i] = float32(r.NormFloat64())
		}
		m.up.Adapter = &term{d}
		want := m.logits(nil)
		m.up.Merge()
		if m.up.Adapter != nil || frozen != (m.up.Weight.packed != nil) {
			t.Error("Merge leaves the adapter, or changes whether the weight is packed")
		}
		near(t, "merged", m.logits(nil), want, 1e-6)
		if slices.Equal(plain, want) {
			t.Error("the adapter does nothing")
		}
	}
}

func TestFreezeAsRoundsWeights(t *testing.T) {
	for _, tied := range []bool{false, true} {
		for kind, tol := range map[kernels.Kind]float64{kernels.F32: 1e-6, kernels.BF16: 0.05, kernels.Q8: 0.05, kernels.NF4: 1} {
			m, ps := build(t, tied)
			ps.Train(all)
			want := m.logits(nil)
			ps.FreezeAs(kind)
			near(t, kind.String(), m.logits(nil), want, tol)
			head := kind
			if kind == kernels.NF4 {
				head = kernels.Q8
			}
			if m.up.Weight.packed.Kind != kind || m.head.Weight.packed.Kind != head || m.up.Weight.v != nil || (m.head.Weight.v != nil) != tied {
				t.Errorf("%s, tied %v: weights are stored as %s, the head as %s", kind, tied, m.up.Weight.packed.Kind, m.head.Weight.packed.Kind)
			}
			for p := range ps.All() {
				if p.Trainable() {
					t.Errorf("%s is trainable", p.Name)
				}
			}
			if ps.FreezeAs(kernels.F32); m.up.Weight.packed.Kind != kind {
				t.Errorf("weights rounded to %s are stored as %s", kind, m.up.Weight.packed.Kind)
			}
		}
	}
}
