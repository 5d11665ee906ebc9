package moslora

import (
	"fmt"
	"math"

	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// principal is where a PiSSA adapter started: W = rest + s·B0·A0, and the linear keeps the rest while the adapter is attached.
type principal struct{ a, b []float32 } // [r, in], [out, r]

// principalOf computes the start from the singular values of l's weight, as PEFT's init_lora_weights "pissa" does: with the r largest,
// A0 = √(S/s)·Vᵀ and B0 = U·√(S/s). It is the same in every run, so that a saved state belongs to the same rest. Values are those of the full
// decomposition, of large weights to 1e-5 (see leading).
func principalOf(l *nn.Linear, cfg Config) (*principal, error) {
	out, in, r := l.Out(), l.In(), cfg.R
	t, err := leading(l.Weight.Floats(), out, in, r, l.Name)
	if err != nil {
		return nil, fmt.Errorf("moslora: %s: %w", l.Name, err)
	}
	s := cfg.Alpha / cfg.denominator(r)
	p := &principal{make([]float32, r*in), make([]float32, out*r)}
	for k := range r {
		root := math.Sqrt(t.values[k] / s)
		for i := range in {
			p.a[k*in+i] = float32(t.v.At(i, k) * root)
		}
		for j := range out {
			p.b[j*r+k] = float32(t.u.At(j, k) * root)
		}
	}
	return p, nil
}

// checkPrincipal says why l cannot have a PiSSA adapter.
func checkPrincipal(l *nn.Linear) error {
	if l.Weight.Rounded() {
		return fmt.Errorf("moslora: %s is kept in fewer bits: what PiSSA leaves of the weight would have to be rounded again, which is not done", l.Name)
	}
	return nil
}

// addTo adds sign·s·B0·A0 to the weight of l.
func (p *principal) addTo(l *nn.Linear, sign, scale float32) {
	out, in := l.Out(), l.In()
	l.Rewrite(func(w []float32) {
		r := len(p.a) / in
		d := make([]float32, out*in)
		device.Host.Workers().Mul(out, p.b, r, 1, kernels.KN(p.a, r, in, in), d, in, false)
		kernels.Axpy(w, sign*scale, d)
	})
}

// On disk a PiSSA adapter is a LoRA adapter of twice the rank for the weight as it was, which every reader of LoRA understands:
// s·B·A - s·B0·A0 = s·[B, -B0]·[A; A0]. PEFT converts in the same way (path_initial_model_for_weight_conversion).

func (a *Adapter) doubled() (A, B []float32) {
	r, out := a.Config.R, a.B.Shape[0]
	A = append(append([]float32{}, a.A.Floats()...), a.start.a...)
	B = make([]float32, 0, 2*out*r)
	for j := range out {
		B = append(B, a.B.Floats()[j*r:][:r]...)
		for _, v := range a.start.b[j*r:][:r] {
			B = append(B, -v)
		}
	}
	return A, B
}

// halved undoes doubled; r is the rank of the halves.
func halved(A, B []float32, r int) (a, b []float32, start *principal) {
	in, out := len(A)/(2*r), len(B)/(2*r)
	start = &principal{append([]float32{}, A[r*in:]...), make([]float32, 0, out*r)}
	for j := range out {
		b = append(b, B[2*j*r:][:r]...)
		for _, v := range B[(2*j+1)*r:][:r] {
			start.b = append(start.b, -v)
		}
	}
	return A[: r*in : r*in], b, start
}
