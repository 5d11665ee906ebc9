package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
)

type rope struct {
	x     *Var
	pos   []int32
	heads int
	table *kernels.RopeTable
	y     *Var // with x's memory
}

// Rope rotates x [n, heads*d] by the positions pos [n]. It takes x's memory: x must not be used again.
func (t *Tape) Rope(x *Var, pos []int32, heads int, table *kernels.RopeTable) *Var {
	return t.Apply(&rope{x: x, pos: pos, heads: heads, table: table})
}

func (f *rope) Operands() []mat.Tensor { return tensors(f.x) }

func (f *rope) Forward() (mat.Tensor, error) {
	if f.x.Rows() != len(f.pos) || f.x.Cols() != f.heads*2*f.table.Half {
		return nil, fmt.Errorf("x %v, %d positions, %d heads of %d", f.x.shape, len(f.pos), f.heads, 2*f.table.Half)
	}
	f.y = &Var{data: f.x.data, shape: f.x.shape, again: f.x.wanted()}
	f.x.data = nil
	kernels.Rope(f.y.data, f.pos, f.heads, f.table, 1)
	return f.y, nil
}

func (f *rope) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	kernels.Rope(g.data, f.pos, f.heads, f.table, -1)
	f.giveBack()
	f.x.AccGrad(g)
	return nil
}

// giveBack rotates the result back for an x that is read again, to rounding. A table that scales besides did so twice then.
func (f *rope) giveBack() {
	if !f.x.wanted() || len(f.y.data) == 0 {
		return
	}
	kernels.Rope(f.y.data, f.pos, f.heads, f.table, -1)
	if scale := f.table.Cos[0]; scale != 1 { // position 0
		kernels.Scale(f.y.data, 1/(scale*scale))
	}
	f.x.data, f.y.data = f.y.data, nil
}

type attention struct {
	q, k, v *Var
	cfg     kernels.Attention
	spans   []kernels.Span
	out     *Var
	lse     *Var
}

// Attention is scaled dot-product attention. q is [n, H*d], k and v [m, KV*d]; the result is [n, H*d].
// Spans say which rows belong to one sequence.
func (t *Tape) Attention(q, k, v *Var, cfg kernels.Attention, spans []kernels.Span) *Var {
	return t.Apply(&attention{q: q, k: k, v: v, cfg: cfg, spans: spans})
}

func (f *attention) Operands() []mat.Tensor { return tensors(f.q, f.k, f.v) }

func (f *attention) Forward() (mat.Tensor, error) {
	c := f.cfg
	if f.q.Cols() != c.H*c.D || f.k.Cols() != c.KV*c.D || f.v.Cols() != c.KV*c.D || c.H%c.KV != 0 {
		return nil, fmt.Errorf("q %v, k %v, v %v, %d heads, %d kv heads of %d", f.q.shape, f.k.shape, f.v.shape, c.H, c.KV, c.D)
	}
	f.out, f.lse = newVar(f.q.shape...), newVar(f.q.Rows(), c.H)
	c.Forward(f.out.data, f.lse.data, f.q.data, f.k.data, f.v.data, f.spans)
	return f.out, nil
}

func (f *attention) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dq, dk, dv := newVar(f.q.shape...), newVar(f.k.shape...), newVar(f.v.shape...)
	f.cfg.Backward(dq.data, dk.data, dv.data, g.data, f.out.data, f.lse.data, f.q.data, f.k.data, f.v.data, f.spans)
	g.release()
	for _, p := range [][2]*Var{{f.q, dq}, {f.k, dk}, {f.v, dv}} {
		if p[0].RequiresGrad() {
			p[0].AccGrad(p[1])
		} else {
			p[1].release()
		}
	}
	return nil
}

func (f *attention) release() { f.lse.release() }
