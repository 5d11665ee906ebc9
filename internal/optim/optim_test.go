package optim

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mustAdamW(t *testing.T, cfg Config) *AdamW {
	t.Helper()
	a, err := NewAdamW(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// draw fills a slice with normal numbers.
func draw(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// model is a set of tensors around the length at which work is cut up.
func model(seed uint64) []Param {
	r := rand.New(rand.NewPCG(seed, 1))
	var ps []Param
	for i, n := range []int{1, 0, 7, chunkLen - 1, chunkLen, chunkLen + 1, 2*chunkLen + 3} {
		ps = append(ps, Param{Name: string(rune('a' + i)), Value: draw(r, n), LR: 1 + float64(i%2), Decay: i%3 == 0})
	}
	return ps
}

// train makes steps [from, to); tensor "c" has no gradient in every third.
func train(t *testing.T, a *AdamW, ps []Param, from, to int) {
	t.Helper()
	for s := from; s < to; s++ {
		r := rand.New(rand.NewPCG(uint64(s), 2))
		for i := range ps {
			ps[i].Grad = draw(r, len(ps[i].Value))
			if ps[i].Name == "c" && s%3 == 0 {
				ps[i].Grad = nil
			}
		}
		if _, err := ClipNorm(ps, 1); err != nil {
			t.Fatal(err)
		}
		if err := a.Step(ps, 1e-2); err != nil {
			t.Fatal(err)
		}
	}
}

func sameBits(t *testing.T, what string, a, b []Param) {
	t.Helper()
	for i := range a {
		for j := range a[i].Value {
			if math.Float32bits(a[i].Value[j]) != math.Float32bits(b[i].Value[j]) {
				t.Fatalf("%s: %s[%d] is %v and %v", what, a[i].Name, j, a[i].Value[j], b[i].Value[j])
			}
		}
	}
}

func TestThreadsDoNotMatter(t *testing.T) {
	cfg := Default()
	cfg.WeightDecay = 0.1
	one, many := model(3), model(3)
	cfg.Threads = 1
	train(t, mustAdamW(t, cfg), one, 0, 4)
	cfg.Threads = 5
	train(t, mustAdamW(t, cfg), many, 0, 4)
	sameBits(t, "1 and 5 threads", one, many)
}

func TestResume(t *testing.T) {
	whole, cut := model(4), model(4)
	train(t, mustAdamW(t, Default()), whole, 0, 7)
	first := mustAdamW(t, Default())
	train(t, first, cut, 0, 4)
	second := mustAdamW(t, Default())
	if err := second.Load(first.State()); err != nil {
		t.Fatal(err)
	}
	train(t, first, model(5), 4, 5) // Load copied: the first optimiser's further life changes nothing
	train(t, second, cut, 4, 7)
	sameBits(t, "resumed", whole, cut)
}

func TestNoGradientNoChange(t *testing.T) {
	cfg := Default()
	cfg.WeightDecay = 0.5
	a := mustAdamW(t, cfg)
	p := []Param{{Name: "w", Value: []float32{1, 2}, LR: 1, Decay: true}}
	if err := a.Step(p, 0.1); err != nil {
		t.Fatal(err)
	}
	if p[0].Value[0] != 1 || p[0].Value[1] != 2 || len(a.State()) != 0 {
		t.Errorf("a tensor without a gradient became %v, state %v", p[0].Value, a.State())
	}
}

// TestLargeMeanWeight takes the branch in which torch.lerp starts from the gradient: beta1 = 0 makes the mean the gradient itself.
func TestLargeMeanWeight(t *testing.T) {
	a := mustAdamW(t, Config{Beta1: 0, Beta2: 0.5})
	p := []Param{{Name: "w", Value: []float32{1}, Grad: []float32{0.3}, LR: 1}}
	if err := a.Step(p, 0.25); err != nil {
		t.Fatal(err)
	}
	if got := a.State()[0]; got.Name != "w.exp_avg" || got.Data[0] != 0.3 {
		t.Errorf("mean is %v, want the gradient, 0.3", got)
	}
	if math.Abs(float64(p[0].Value[0])-0.75) > 1e-6 { // a first step moves by the rate
		t.Errorf("value is %v, want 0.75", p[0].Value[0])
	}
}

func TestStepErrors(t *testing.T) {
	w := func(change func(*Param)) []Param {
		p := Param{Name: "w", Value: []float32{1}, Grad: []float32{1}, LR: 1}
		change(&p)
		return []Param{{Name: "first", Value: []float32{1}, Grad: []float32{1}, LR: 1}, p}
	}
	for want, ps := range map[string][]Param{
		"has no name":               w(func(p *Param) { p.Name = "" }),
		"comes twice":               w(func(p *Param) { p.Name = "first" }),
		"a gradient of 2":           w(func(p *Param) { p.Grad = make([]float32, 2) }),
		"rate factor is 0":          w(func(p *Param) { p.LR = 0 }),
		"rate factor is NaN":        w(func(p *Param) { p.LR = math.NaN() }),
		"2 values but its state 1":  w(func(p *Param) { p.Value, p.Grad = make([]float32, 2), make([]float32, 2) }),
		"more than 16777216 steps":  w(func(p *Param) { p.Name = "old" }),
		"rate is -1, want a finite": nil,
	} {
		a := mustAdamW(t, Default())
		if err := a.Load([]Tensor{
			{"w.step", []float32{1}}, {"w.exp_avg", []float32{0}}, {"w.exp_avg_sq", []float32{0}},
			{"old.step", []float32{maxStep}}, {"old.exp_avg", []float32{0}}, {"old.exp_avg_sq", []float32{0}},
		}); err != nil {
			t.Fatal(err)
		}
		lr := 1.0
		if ps == nil {
			lr = -1
		}
		err := a.Step(ps, lr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if len(ps) > 0 && ps[0].Value[0] != 1 {
			t.Errorf("%s: the other parameter changed all the same", want)
		}
	}
	for _, cfg := range []Config{{Beta1: 1}, {Beta1: -1}, {Beta2: math.NaN()}, {Eps: -1}, {WeightDecay: math.Inf(1)}, {Threads: -1}} {
		if _, err := NewAdamW(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	good := []Tensor{{"w.step", []float32{3}}, {"w.exp_avg", []float32{1}}, {"w.exp_avg_sq", []float32{1}}}
	for want, change := range map[string]func(s []Tensor) []Tensor{
		"w.exp_avg is missing":       func(s []Tensor) []Tensor { return append(s[:1], s[2]) },
		"w.exp_avg_sq is missing":    func(s []Tensor) []Tensor { return s[:2] },
		"belong to no parameter":     func(s []Tensor) []Tensor { return s[1:] },
		"comes twice":                func(s []Tensor) []Tensor { return append(s, s[0]) },
		"w.exp_avg has 2 values":     func(s []Tensor) []Tensor { s[1].Data = make([]float32, 2); return s },
		"w.step is [2.5]":            func(s []Tensor) []Tensor { s[0].Data = []float32{2.5}; return s },
		"w.step is [NaN]":            func(s []Tensor) []Tensor { s[0].Data = []float32{float32(math.NaN())}; return s },
		"w.step is [1 1], want one ": func(s []Tensor) []Tensor { s[0].Data = []float32{1, 1}; return s },
		"w.step is [3e+08]":          func(s []Tensor) []Tensor { s[0].Data = []float32{3e8}; return s },
	} {
		a := mustAdamW(t, Default())
		err := a.Load(change(slices.Clone(good)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestClipNorm(t *testing.T) {
	ps := []Param{{Name: "a", Grad: []float32{3}}, {Name: "none"}, {Name: "b", Grad: []float32{0, 4}}}
	if norm, err := ClipNorm(ps, 0); norm != 5 || err != nil || ps[2].Grad[1] != 4 {
		t.Errorf("measuring gave %v, %v and %v", norm, err, ps[2].Grad)
	}
	if norm, err := ClipNorm(ps, 10); norm != 5 || err != nil || ps[2].Grad[1] != 4 {
		t.Errorf("a norm below the limit gave %v, %v and %v", norm, err, ps[2].Grad)
	}
	if norm, err := ClipNorm(ps, 1); norm != 5 || err != nil || ps[2].Grad[1] != float32(1/(5+1e-6))*4 {
		t.Errorf("clipping gave %v, %v and %v", norm, err, ps[2].Grad)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		ps := []Param{{Name: "a", Grad: []float32{8}}, {Name: "b", Grad: []float32{1, float32(bad)}}}
		var nf *NonFiniteError
		if _, err := ClipNorm(ps, 1); !errors.As(err, &nf) || nf.Name != "b" || nf.Index != 1 || ps[0].Grad[0] != 8 {
			t.Errorf("%v in a gradient: %v, gradient %v", bad, err, ps[0].Grad)
		}
	}
	if _, err := ClipNorm(nil, math.NaN()); err == nil {
		t.Error("a limit of NaN was taken")
	}
	huge := []Param{{Name: "h", Grad: slices.Repeat([]float32{math.MaxFloat32}, 9)}}
	if norm, err := ClipNorm(huge, 1); err != nil || math.Abs(norm/(3*math.MaxFloat32)-1) > 1e-12 {
		t.Errorf("the largest float32 nine times: %v, %v", norm, err)
	}
}
