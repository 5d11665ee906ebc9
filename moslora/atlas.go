package moslora

import (
	"errors"
	"fmt"
	"slices"

	"moslava/internal/nn"
)

// Anisotropic composition of adapters, after aTLAS (arXiv 2407.02880): what each of several adapter directories does to a weight gets a coefficient of its own,
//
//	y = W·x + b + Σ cᵢ·sᵢ·Bᵢ·Mᵢ·Aᵢ·x,
//
// one for each directory and module, and the coefficients alone are trained: a few hundred numbers, for which a few samples do. They start at zero. Written to a
// directory, the adapters are plain LoRA with the coefficients multiplied into A.

const suffixC = ".coefficients"

// Composition is what adapter directories do to the modules of a model.
type Composition struct {
	modules map[string]*stacked
	// Whole are parameters that directories store entire, which are not composed.
	Whole []string
}

// ReadComposition reads adapter directories, in any layout that Load reads. DoRA is an error: it is no sum.
func ReadComposition(dirs []string, name func(string) string) (*Composition, error) {
	var all []*Saved
	for _, dir := range dirs {
		s, err := Load(dir, name)
		if err != nil {
			return nil, err
		}
		if err := s.sums(); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	c := &Composition{modules: map[string]*stacked{}}
	for _, s := range all {
		c.Whole = append(c.Whole, s.whole()...)
	}
	slices.Sort(c.Whole)
	c.Whole = slices.Compact(c.Whole)
	for _, module := range modulesOf(all) {
		st, err := stackOf(module, all, func(int) float64 { return 1 })
		if err != nil {
			return nil, err
		}
		c.modules[module] = st
	}
	return c, nil
}

// AttachComposition hangs the composition on the linears it belongs to. A module that the model does not have is an error; after an error nothing is attached.
func (s *Set) AttachComposition(ps *nn.Params, c *Composition) error {
	var errs []error
	var list []fresh
	for l := range ps.Linears() {
		st := c.modules[l.Name]
		if st == nil {
			continue
		}
		if st.in != l.In() || st.out != l.Out() {
			errs = append(errs, fmt.Errorf("moslora: %s is [%d, %d] in the directories, [%d, %d] in the model", l.Name, st.out, st.in, l.Out(), l.In()))
			continue
		}
		if l.Adapter != nil {
			errs = append(errs, fmt.Errorf("moslora: %s has an adapter already", l.Name))
			continue
		}
		dev := l.Weight.Device()
		a, err := st.adapter(dev, l.Name, "moslora: ")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		a.C, a.blocks = nn.NewParamOn(dev, l.Name+suffixC, make([]float32, len(st.ranks)), len(st.ranks)), st.ranks
		list = append(list, fresh{l, a})
	}
	if len(errs) == 0 && len(list) != len(c.modules) {
		for module := range c.modules {
			if !slices.ContainsFunc(list, func(f fresh) bool { return f.l.Name == module }) {
				errs = append(errs, fmt.Errorf("moslora: the model has no linear %s", module))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.attach(list)
	return nil
}

// weighted is A with the coefficients multiplied in.
func (a *Adapter) weighted() []float32 {
	out := slices.Clone(a.A.Floats())
	in, row := a.A.Shape[1], 0
	for k, c := range a.C.Floats() {
		for i := range out[row*in:][:a.blocks[k]*in] {
			out[row*in+i] *= c
		}
		row += a.blocks[k]
	}
	return out
}
