package moslora

import (
	"slices"
	"strings"
	"testing"

	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
	"moslava/internal/safetensors"
)

// directory writes stirred adapters and returns what they add to each module.
func directory(t *testing.T, cfg Config, seed uint64, opt SaveOptions) (dir string, deltas map[string][]float32) {
	t.Helper()
	_, ps := build(t)
	s := attach(t, ps, cfg, nn.Random(seed))
	for p := range s.Params() {
		noise, _ := nn.Random(seed+50).Tensor(p.Name, p.Shape, nn.Normal(0.3))
		device.Host.Workers().Add(p.Floats(), noise)
	}
	dir, deltas = t.TempDir(), map[string][]float32{}
	for a := range s.All() {
		deltas[a.Module] = a.Delta()
	}
	if err := s.Save(dir, opt); err != nil {
		t.Fatal(err)
	}
	return dir, deltas
}

// A composition adds to every weight the weighted sum of what its parts add.
func TestCompose(t *testing.T) {
	a, da := directory(t, Config{R: 4, Alpha: 3, Mixer: Kaiming, Targets: []string{"q_proj", "fc"}}, 1, SaveOptions{Base: "m"})
	b, db := directory(t, Config{R: 2, Alpha: 5, Mixer: None, RSLoRA: true, Targets: []string{"fc", "proj"}}, 2, SaveOptions{Base: "m"})
	c, dc := directory(t, Config{R: 6, Alpha: 5, Mixer: Butterfly, Targets: []string{"proj"}}, 3, SaveOptions{Base: "m"})
	edit(t, c, nil, func(w tensors) { delete(w, keyPrefix+"proj"+suffixM) }) // it need not be stored
	to := t.TempDir()
	if err := Compose(to, []Weighted{{a, 0.5}, {b, -0.25}, {c, 2}}); err != nil {
		t.Fatal(err)
	}
	_, s, err := load(t, to, same)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 5 {
		t.Errorf("%d modules, want 5", s.Len())
	}
	for ad := range s.All() {
		want := make([]float32, len(ad.Delta()))
		for w, d := range map[float32]map[string][]float32{0.5: da, -0.25: db, 2: dc} {
			if d[ad.Module] != nil {
				kernels.Axpy(want, w, d[ad.Module])
			}
		}
		near(t, ad.Module, ad.Delta(), want, 2e-6)
		if ad.Config.Mixer != None {
			t.Errorf("%s has a mixer", ad.Module)
		}
	}
}

func TestComposeWholeParameters(t *testing.T) {
	whole := func(v float32) SaveOptions {
		return SaveOptions{Whole: []*nn.Param{nn.NewParam("p.weight", []float32{v, 2}, 2)}, Modules: []string{"p"}}
	}
	cfg := Config{R: 2, Alpha: 3, Mixer: None}
	a, _ := directory(t, cfg, 1, whole(1))
	b, _ := directory(t, cfg, 2, whole(5))
	to := t.TempDir()
	if err := Compose(to, []Weighted{{a, 0.25}, {b, 0.75}}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(to + "/" + WeightsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := f.Float32(keyPrefix + "p.weight"); err != nil || !slices.Equal(got, []float32{4, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := Compose(t.TempDir(), []Weighted{{a, 1}, {b, 1}}); err == nil || !strings.Contains(err.Error(), "p.weight is stored entire and differs: weights have to add up to 1 for it, and add up to 2") {
		t.Error(err)
	}
	if err := Compose(t.TempDir(), []Weighted{{a, 1}, {a, 1}}); err != nil {
		t.Errorf("the same everywhere: %v", err)
	}
}

func TestComposeErrors(t *testing.T) {
	cfg := Config{R: 2, Alpha: 3, Mixer: None}
	a, _ := directory(t, cfg, 1, SaveOptions{Base: "m"})
	other, _ := directory(t, cfg, 1, SaveOptions{Base: "n"})
	cfg.DoRA = true
	dora, _ := directory(t, cfg, 1, SaveOptions{Base: "m"})
	for _, c := range []struct {
		parts []Weighted
		want  string
	}{
		{nil, "there are no adapter directories"},
		{[]Weighted{{a, 0}}, "has the weight 0, want a finite number that is not 0"},
		{[]Weighted{{a, 1}, {other, 1}}, `is for "m", ` + other + ` for "n"`},
		{[]Weighted{{a, 1}, {dora, 1}}, "has DoRA, which scales the weights and is no sum"},
		{[]Weighted{{t.TempDir(), 1}}, "there is no adapter_config.json"},
	} {
		if err := Compose(t.TempDir(), c.parts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
