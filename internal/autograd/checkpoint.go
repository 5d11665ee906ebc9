package autograd

import (
	"context"

	"github.com/nlpodyssey/spago/mat"
)

type checkpoint struct {
	x        *Var
	params   []*Var
	f        func(t *Tape, x *Var) *Var
	seed     uint64
	finite   bool
	context  context.Context
	from, to uint64 // dropout masks drawn before and after f
}

// Checkpoint returns f(x) and keeps nothing of f's own for the backward pass, which computes f again: less
// memory for more time, and the same bits. params are the variables besides x that f reads and that may
// be trained. f must not take x's memory; a LastLinear at its end is computed once.
func (t *Tape) Checkpoint(x *Var, params []*Var, f func(t *Tape, x *Var) *Var) *Var {
	if t.inference() {
		return f(t, x)
	}
	c := &checkpoint{x: x, params: params, f: f, seed: t.Seed, finite: t.Finite, context: t.Context, from: t.drop}
	out := t.Apply(c)
	t.drop = c.to
	return out
}

func (c *checkpoint) Operands() []mat.Tensor { return tensors(append([]*Var{c.x}, c.params...)...) }

func (c *checkpoint) Forward() (mat.Tensor, error) {
	t := &Tape{Seed: c.seed, Finite: c.finite, Context: c.context, drop: c.from, forget: true}
	y := c.f(t, c.x.alias())
	t.release(0, y)
	c.to = t.drop
	return y, nil
}

func (c *checkpoint) Backward(gy mat.Tensor) error {
	t := &Tape{Seed: c.seed, Context: c.context, drop: c.from, again: true}
	x := c.x.alias()
	x.track = c.x.RequiresGrad()
	if err := t.BackwardFrom(c.f(t, x), gy.(*Var)); err != nil {
		return err
	}
	t.Release()
	if x.grad != nil {
		c.x.AccGrad(x.grad)
	}
	return nil
}
