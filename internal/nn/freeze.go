package nn

import "moslava/internal/kernels"

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
