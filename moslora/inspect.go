package moslora

import (
	"fmt"
	"slices"

	"moslava/internal/nn"
)

// Factors are the matrices of a saved adapter, row by row: A [R, In], M [R, R] or nil, B [Out, R].
type Factors struct {
	Config  Config
	A, M, B []float32
	In, Out int
}

// Factors gives those of a module that has an adapter, after checking that their shapes fit.
func (s *Saved) Factors(module string) (Factors, error) {
	cfg, ok := s.configs[module]
	if !ok {
		return Factors{}, fmt.Errorf("%s: %s has no adapter", s.dir, module)
	}
	f := Factors{Config: cfg}
	a, b := s.tensors[module+suffixA], s.tensors[module+suffixB]
	if len(a.shape) != 2 || len(b.shape) != 2 || a.shape[0] != cfg.R || b.shape[1] != cfg.R {
		return f, fmt.Errorf("%s: %s has A %v and B %v, want [%d, in] and [out, %d]", s.dir, module, a.shape, b.shape, cfg.R, cfg.R)
	}
	f.A, f.B, f.In, f.Out = a.data, b.data, a.shape[1], b.shape[0]
	switch m, ok := s.tensors[module+suffixM]; {
	case ok && !slices.Equal(m.shape, []int{cfg.R, cfg.R}):
		return f, fmt.Errorf("%s: %s has a mixer %v, want [%d, %d]", s.dir, module, m.shape, cfg.R, cfg.R)
	case ok:
		f.M = m.data
	case cfg.Mixer == Butterfly: // files need not hold what never changes
		f.M = make([]float32, cfg.R*cfg.R)
		butterfly(nil, []int{cfg.R, cfg.R}, f.M)
	}
	return f, nil
}

// StartMixer is the mixer that Attach gives the linear of that name, from src; nil without a mixer.
func StartMixer(module string, cfg Config, src nn.Source) ([]float32, error) {
	switch cfg.Mixer {
	case None:
		return nil, nil
	case Butterfly:
		m := make([]float32, cfg.R*cfg.R)
		butterfly(nil, []int{cfg.R, cfg.R}, m)
		return m, nil
	}
	return src.Tensor(module+suffixM, []int{cfg.R, cfg.R}, cfg.Mixer.init())
}
