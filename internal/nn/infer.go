package nn

import (
	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// Output is a linear layer with the place of its result, [rows, out].
type Output struct {
	*Linear
	Y []float32
}

// Project computes what Forward of each layer gives for x [rows, in], without a tape and into memory that
// the caller owns. Layers that read the same rows are best computed together.
func Project(rows int, x []float32, outs ...Output) {
	var many [4]kernels.Right
	rights := many[:0]
	for _, o := range outs {
		rights = append(rights, kernels.Right{B: o.Weight.right(), Y: o.Y})
	}
	kernels.MulEach(rows, x, rights...)
	for _, o := range outs {
		o.finish(rows, x)
	}
}

// finish adds bias and adapter to x·Weightᵀ.
func (o Output) finish(rows int, x []float32) {
	var low *autograd.LowRank
	if o.Adapter != nil {
		low = o.Adapter.LowRank()
	}
	if low != nil && low.Magnitude != nil {
		low.AddTo(rows, o.Y, x)
		low.Magnitude.Apply(rows, o.Y, o.Weight.matrix(), low)
		low = nil
	}
	if o.Bias != nil {
		kernels.AddBias(o.Y, o.Bias.v.Floats(), rows, o.Out())
	}
	if low != nil {
		low.AddTo(rows, o.Y, x)
		low.AddShift(rows, o.Y)
	}
}

// right is the parameter as the right-hand side of x·Wᵀ.
func (p *Param) right() *kernels.Packed {
	if p.packed != nil {
		return p.packed
	}
	n := p.Shape[0]
	k := p.Size() / n
	return kernels.NK(p.v.Floats(), n, k, k)
}

// Normalise is Forward for x [rows, D] into y; rstd has room for rows.
func (n *RMSNorm) Normalise(rows int, x, y, rstd []float32) {
	w := n.Weight.v.Floats()
	kernels.RMSNorm(y, rstd, x, w, rows, len(w), n.Eps)
}

// FreezeAs is Freeze with weights stored as kind, of which kernels.F32 means as they are. A weight that is already stored in another reduced form stays as it
// is. Output layers are stored in 8 bits where kind has fewer: every token is chosen by them.
func (ps *Params) FreezeAs(kind kernels.Kind) {
	for _, p := range ps.list {
		if p.v != nil {
			p.v.SetRequiresGrad(false)
			p.v.ZeroGrad()
		}
	}
	var d dropped
	for _, l := range ps.linears {
		l.Weight.packAs(kind, false)
		d.add(4 * l.Weight.Size())
	}
	if kind == kernels.NF4 {
		kind = kernels.Q8
	}
	for _, h := range ps.heads {
		h.Weight.packAs(kind, h.tied != nil)
	}
}

func (p *Param) packAs(kind kernels.Kind, keep bool) {
	if p.packed != nil && (p.Rounded() || kind == kernels.F32) {
		return
	}
	p.unpack()
	p.pack(kind, keep)
}
