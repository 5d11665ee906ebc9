package analysis

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"moslava/moslora"
)

// Input is one adapted layer.
type Input struct {
	Module  string
	Tower   string // vision or language
	Depth   int    // of its block, from 0; -1 outside blocks
	Factors moslora.Factors
	Start   []float32        // of the mixer; nil: not known
	Weight  []float32        // that the update is added to; nil: not known
	Against *moslora.Factors // of the same layer in another run; nil: none
}

// Layer is what is found out about one adapted layer. What is not known is NaN.
type Layer struct {
	Module        string
	Tower         string
	Depth         int
	Rank, In, Out int
	Mixer         moslora.Mixer
	Singular      []float64   // of the update s·B·M·A, falling
	EffectiveRank float64     // see EffectiveRank
	Update        float64     // Frobenius norm of the update
	Relative      float64     // of the same over that of the weight
	Drift         float64     // ‖M - M₀‖ / ‖M₀‖
	Gram, Polar   float64     // see Orthogonality
	Similarity    [][]float64 // see Similarity; nil: nothing to compare with
}

// Analyze computes the numbers of a layer.
func Analyze(in Input) (Layer, error) {
	f := in.Factors
	l := Layer{Module: in.Module, Tower: in.Tower, Depth: in.Depth, Rank: f.Config.R, In: f.In, Out: f.Out, Mixer: f.Config.Mixer,
		Relative: math.NaN(), Drift: math.NaN(), Gram: math.NaN(), Polar: math.NaN()}
	fail := func(err error) (Layer, error) { return l, fmt.Errorf("%s: %w", in.Module, err) }
	a, err := mixed(f)
	if err != nil {
		return fail(err)
	}
	if l.Singular, err = Singular(dense(f.B, f.Out, l.Rank), a, float64(f.Config.Scale())); err != nil {
		return fail(err)
	}
	l.EffectiveRank, l.Update = EffectiveRank(l.Singular), norm(l.Singular)
	if in.Weight != nil {
		l.Relative = l.Update / norm(in.Weight)
	}
	if f.M != nil {
		if l.Gram, l.Polar, err = Orthogonality(dense(f.M, l.Rank, l.Rank)); err != nil {
			return fail(err)
		}
		if in.Start != nil {
			moved := make([]float64, len(f.M))
			for i, v := range f.M {
				moved[i] = float64(v) - float64(in.Start[i])
			}
			l.Drift = norm(moved) / norm(in.Start)
		}
	}
	if in.Against != nil {
		if in.Against.In != f.In {
			return fail(fmt.Errorf("the adapter to compare with has %d inputs, this one %d", in.Against.In, f.In))
		}
		other, err := mixed(*in.Against)
		if err != nil {
			return fail(err)
		}
		if l.Similarity, err = Similarity(a, other); err != nil {
			return fail(err)
		}
	}
	return l, nil
}

// mixed is M·A, which is what stands in the place of LoRA's A. Numbers that are not finite are an error.
func mixed(f moslora.Factors) (*mat.Dense, error) {
	for name, data := range map[string][]float32{"A": f.A, "M": f.M, "B": f.B} {
		for _, v := range data {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, fmt.Errorf("%s holds %v, want finite numbers", name, v)
			}
		}
	}
	a := dense(f.A, f.Config.R, f.In)
	if f.M == nil {
		return a, nil
	}
	var ma mat.Dense
	ma.Mul(dense(f.M, f.Config.R, f.Config.R), a)
	return &ma, nil
}
