package autograd

import (
	"errors"
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
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
	f.y = f.x.taken()
	f.y.again = f.x.wanted()
	f.y.dev.Rope(f.y.buf, f.pos, f.heads, f.table, 1)
	return f.y, nil
}

func (f *rope) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	g.dev.Rope(g.buf, f.pos, f.heads, f.table, -1)
	f.giveBack()
	f.x.AccGrad(g)
	return nil
}

// giveBack rotates the result back for an x that is read again, to rounding. A table that scales besides did so twice then.
func (f *rope) giveBack() {
	if !f.x.wanted() || f.y.buf.Len() == 0 {
		return
	}
	f.y.dev.Rope(f.y.buf, f.pos, f.heads, f.table, -1)
	if scale := f.table.Cos[0]; scale != 1 { // position 0
		f.y.dev.ScaleTo(f.y.buf, f.y.buf, 1/(scale*scale))
	}
	f.x.buf, f.y.buf = f.y.buf, device.Buffer{}
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
	dev := f.q.dev
	f.out, f.lse = newVar(dev, f.q.shape...), newVar(dev, f.q.Rows(), c.H)
	dev.Attention(c, f.out.buf, f.lse.buf, f.q.buf, f.k.buf, f.v.buf, f.spans)
	return f.out, nil
}

func (f *attention) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dev := g.dev
	dq, dk, dv := newVar(dev, f.q.shape...), newVar(dev, f.k.shape...), newVar(dev, f.v.shape...)
	dev.AttentionGrad(f.cfg, dq.buf, dk.buf, dv.buf, g.buf, f.out.buf, f.lse.buf, f.q.buf, f.k.buf, f.v.buf, f.spans)
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

// attentionKV attends over keys and values that earlier calls stored.
type attentionKV struct {
	q     *Var
	cfg   kernels.Attention
	spans []kernels.KVSpan
}

// AttentionKV is Attention for q [n, H*d] over sequences whose keys and values are stored (device.PutKV). It has no backward pass.
func (t *Tape) AttentionKV(q *Var, cfg kernels.Attention, spans []kernels.KVSpan) *Var {
	return t.Apply(&attentionKV{q, cfg, spans})
}

func (f *attentionKV) Operands() []mat.Tensor { return tensors(f.q) }

func (f *attentionKV) Forward() (mat.Tensor, error) {
	if c := f.cfg; f.q.Cols() != c.H*c.D || c.H%c.KV != 0 {
		return nil, fmt.Errorf("q %v, %d heads, %d kv heads of %d", f.q.shape, c.H, c.KV, c.D)
	}
	out := newVar(f.q.dev, f.q.shape...)
	out.dev.AttentionKV(f.cfg, out.buf, f.q.buf, f.spans)
	return out, nil
}

func (f *attentionKV) Backward(mat.Tensor) error {
	return errors.New("keys and values that are stored have no gradient")
}
