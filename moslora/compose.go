package moslora

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// A Weighted is an adapter directory and its weight in a sum.
type Weighted struct {
	Dir    string
	Weight float64
}

// Compose writes the weighted sum of what adapter directories do to the weights of their model, Σ wᵢ·sᵢ·Bᵢ·Mᵢ·Aᵢ (task arithmetic, arXiv
// 2212.04089), as one plain LoRA directory. It is exact: ranks are added, A is the Mᵢ·Aᵢ one above the other, and B the wᵢ·sᵢ·Bᵢ side by side.
// Directories may adapt different modules; names of modules are taken as they are in the files. Parameters that are stored entire are summed with the
// same weights, which then have to add up to 1, unless all directories have the same ones. DoRA does not add to the weights and is an error.
func Compose(to string, parts []Weighted) error {
	if len(parts) == 0 {
		return errors.New("compose: there are no adapter directories")
	}
	var all []*Saved
	total := 0.0
	for _, p := range parts {
		if p.Weight == 0 || math.IsNaN(p.Weight) || math.IsInf(p.Weight, 0) {
			return fmt.Errorf("compose: %s has the weight %g, want a finite number that is not 0", p.Dir, p.Weight)
		}
		s, err := Load(p.Dir, func(name string) string { return name })
		if err != nil {
			return fmt.Errorf("compose: %w", err)
		}
		if base := all; len(base) > 0 && base[0].base != s.base {
			return fmt.Errorf("compose: %s is for %q, %s for %q", base[0].dir, base[0].base, s.dir, s.base)
		}
		if err := s.sums(); err != nil {
			return fmt.Errorf("compose: %w", err)
		}
		all = append(all, s)
		total += p.Weight
	}
	set := new(Set)
	for _, module := range modulesOf(all) {
		a, err := compose(module, all, parts)
		if err != nil {
			return err
		}
		set.list = append(set.list, a)
	}
	whole, err := composeWhole(all, parts, total)
	if err != nil {
		return err
	}
	return set.Save(to, SaveOptions{Base: all[0].base, Whole: whole, Modules: all[0].save})
}

func modulesOf(all []*Saved) (out []string) {
	for _, s := range all {
		out = append(out, s.Modules()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// compose is the sum of the adapters of one module.
func compose(module string, all []*Saved, parts []Weighted) (*Adapter, error) {
	st, err := stackOf(module, all, func(i int) float64 { return parts[i].Weight })
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	a, err := st.adapter(device.Host, module, "compose: ")
	for _, s := range all {
		if err == nil {
			a.Lookup = a.Lookup || s.lookup[module]
		}
	}
	return a, err
}

// sums says what of a directory is no sum.
func (s *Saved) sums() error {
	if len(s.tokens) > 0 {
		return fmt.Errorf("%s: has trainable_token_indices, rows that replace those of the model and are no sum: export it merged", s.dir)
	}
	for module, cfg := range s.configs {
		if cfg.LoRABias {
			return fmt.Errorf("%s: %s has a lora_bias, which one LoRA directory of several cannot keep: export it merged", s.dir, module)
		}
	}
	return nil
}

// stacked is the adapters of one module in several directories: A one above the other, mixers multiplied in, and B side by side, with their scales.
type stacked struct {
	a, b    []float32
	in, out int
	ranks   []int // of each directory that has the module
}

func (s *stacked) rank() (n int) {
	for _, r := range s.ranks {
		n += r
	}
	return n
}

// adapter is the stack as plain LoRA of scale 1, on a device.
func (s *stacked) adapter(dev device.Device, module, what string) (*Adapter, error) {
	r := s.rank()
	cfg := Config{R: r, Alpha: float64(r), Mixer: None}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("%s%s: %w", what, module, err)
	}
	return &Adapter{Module: module, Config: cfg, A: nn.NewParamOn(dev, module+suffixA, s.a, r, s.in), B: nn.NewParamOn(dev, module+suffixB, s.b, s.out, r)}, nil
}

// stackOf stacks a module's adapters; B of directory i is multiplied by weight(i).
func stackOf(module string, all []*Saved, weight func(i int) float64) (*stacked, error) {
	st := new(stacked)
	var blocks []tensor // of B
	for i, s := range all {
		cfg, ok := s.configs[module]
		if !ok {
			continue
		}
		if cfg.DoRA {
			return nil, fmt.Errorf("%s: %s has DoRA, which scales the weights and is no sum: export it merged", s.dir, module)
		}
		a, okA := s.tensors[module+suffixA]
		b, okB := s.tensors[module+suffixB]
		if !okA || !okB || len(a.shape) != 2 || len(b.shape) != 2 || a.shape[0] != b.shape[1] {
			return nil, fmt.Errorf("%s: %s has A %v and B %v", s.dir, module, a.shape, b.shape)
		}
		if st.in != 0 && (a.shape[1] != st.in || b.shape[0] != st.out) {
			return nil, fmt.Errorf("%s: %s is [%d, %d], elsewhere [%d, %d]", s.dir, module, b.shape[0], a.shape[1], st.out, st.in)
		}
		st.in, st.out = a.shape[1], b.shape[0]
		r := a.shape[0]
		if m, ok := s.mixer(module, cfg); ok {
			if !slices.Equal(m.shape, []int{r, r}) {
				return nil, fmt.Errorf("%s: %s has shape %v, want [%d %d]", s.dir, module+suffixM, m.shape, r, r)
			}
			ma := make([]float32, len(a.data))
			device.Host.Workers().Mul(r, m.data, r, 1, kernels.KN(a.data, r, st.in, st.in), ma, st.in, false)
			a.data = ma
		}
		scaled := slices.Clone(b.data)
		kernels.Scale(scaled, float32(weight(i)*cfg.Alpha/cfg.denominator(cfg.R)))
		st.a = append(st.a, a.data...)
		blocks = append(blocks, tensor{scaled, b.shape})
		st.ranks = append(st.ranks, r)
	}
	for j := range st.out {
		for _, b := range blocks {
			r := b.shape[1]
			st.b = append(st.b, b.data[j*r:][:r]...)
		}
	}
	return st, nil
}

// mixer is the M of a module, from the file or by its name.
func (s *Saved) mixer(module string, cfg Config) (tensor, bool) {
	if m, ok := s.tensors[module+suffixM]; ok {
		return m, true
	}
	if cfg.Mixer != Butterfly {
		return tensor{}, false
	}
	m := tensor{make([]float32, cfg.R*cfg.R), []int{cfg.R, cfg.R}}
	butterfly(nil, m.shape, m.data)
	return m, true
}

// composeWhole sums the parameters that are stored entire.
func composeWhole(all []*Saved, parts []Weighted, total float64) ([]*nn.Param, error) {
	var out []*nn.Param
	for _, name := range all[0].whole() {
		first := all[0].tensors[name]
		sum, same := make([]float64, len(first.data)), true
		for i, s := range all {
			t, ok := s.tensors[name]
			if !ok || !slices.Equal(t.shape, first.shape) {
				return nil, fmt.Errorf("compose: %s holds %s %v and %s has %v", all[0].dir, name, first.shape, s.dir, t.shape)
			}
			same = same && slices.Equal(t.data, first.data)
			for k, v := range t.data {
				sum[k] += parts[i].Weight * float64(v)
			}
		}
		data := slices.Clone(first.data)
		if !same {
			if math.Abs(total-1) > 1e-6 {
				return nil, fmt.Errorf("compose: %s is stored entire and differs: weights have to add up to 1 for it, and add up to %g", name, total)
			}
			for k, v := range sum {
				data[k] = float32(v)
			}
		}
		out = append(out, nn.NewParam(name, data, first.shape...))
	}
	for _, s := range all[1:] {
		for _, name := range s.whole() {
			if _, ok := all[0].tensors[name]; !ok {
				return nil, fmt.Errorf("compose: %s holds %s and %s does not", s.dir, name, all[0].dir)
			}
		}
	}
	return out, nil
}

// whole are the names of the parameters stored entire, sorted.
func (s *Saved) whole() (out []string) {
	for name := range s.tensors {
		if split(name).role == "" && !s.below[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
