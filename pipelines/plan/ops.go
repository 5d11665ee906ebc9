package plan

import (
	"slices"

	"moslava/internal/autograd"
)

// The operations of internal/autograd, one function each, in the order of its files. What an operation keeps, takes and gives
// back has to be what it does there: TestTape compares both, buffer by buffer.

// weight is a layer's matrix and bias: sizes, and leaves for what is trained.
type weight struct {
	out, in int
	w, b    *value // nil if absent; not tracked if frozen
	adapter *adapter
}

type adapter struct {
	rank    int
	a, m, b *value // m is nil without a mixer
	dropout bool

	magnitude *value // DoRA's, or nil
	c         *value // coefficients, or nil
}

// leaves are the parameters that are there.
func (a *adapter) leaves() []*value {
	return slices.DeleteFunc([]*value{a.a, a.m, a.c, a.b, a.magnitude}, func(v *value) bool { return v == nil })
}

// lazy is an operand that linears computes for itself, or that is there.
type lazy struct {
	x        *value
	operands []*value
	keeps    int // numbers a row that it keeps while it is in use
	cost     int // numbers an element that pass through memory, forward
	backward func(g *buf)
}

func kept(x *value) lazy { return lazy{x: x, operands: []*value{x}} }

func (l lazy) tracked() bool {
	return slices.ContainsFunc(l.operands, func(v *value) bool { return v.track })
}

// compute takes what the value takes, and gives back what free does.
func (l lazy) compute(t *tape, rows, cols int) (free func()) {
	if l.x != nil {
		return func() {}
	}
	bufs := []*buf{t.pool.take(rows * cols)}
	for range l.keeps {
		bufs = append(bufs, t.pool.take(rows))
	}
	t.touch(l.cost * rows * cols)
	return func() {
		for _, b := range bufs {
			t.pool.put(b)
		}
	}
}

func (t *tape) lazyNorm(x *value, keeps int, leaves ...*value) lazy {
	return lazy{operands: append([]*value{x}, leaves...), keeps: keeps, cost: 3, backward: func(g *buf) { t.normBackward(x, leaves, g) }}
}

func (t *tape) lazyActivate(x *value) lazy {
	return lazy{operands: []*value{x}, cost: 8, backward: func(g *buf) {
		t.touch(10 * g.n)
		t.accumulate(x, g)
	}}
}

func (t *tape) lazySwiGLU(gate, up *value) lazy {
	return lazy{operands: []*value{gate, up}, cost: 8, backward: func(g *buf) { t.swiGLUBackward(gate, up, g) }}
}

func (t *tape) linear(x *value, w *weight) *value { return t.linears(kept(x), x.rows, w)[0] }

// linears are layers of one input; adapter results live for the pass alone, but for u.
func (t *tape) linears(x lazy, rows int, ws ...*weight) []*value {
	return t.layers(x, rows, false, ws...)
}

// lastLinear ends a block: the second pass of a checkpoint leaves its result out.
func (t *tape) lastLinear(x lazy, rows int, w *weight) *value {
	scaled := w.adapter != nil && w.adapter.magnitude != nil
	return t.layers(x, rows, t.again && !scaled, w)[0]
}

func (t *tape) layers(x lazy, rows int, unread bool, ws ...*weight) []*value {
	in := ws[0].in
	free := x.compute(t, rows, in)
	var room *buf // of the packed input, which a layer by itself does not need
	if len(ws) > 1 || ws[0].adapter != nil || unread {
		room = t.pool.take(rows * in)
		t.touch(2 * room.n)
	}
	operands := slices.Clone(x.operands)
	us := make([]*buf, len(ws))
	for i, w := range ws {
		operands = append(operands, w.w, w.plainBias())
		if a := w.adapter; a != nil {
			operands = append(operands, a.a, a.m, a.c, a.b)
			us[i] = t.pool.take(rows * a.rank)
			t.skinny(rows, in, a.rank)
			if a.dropout {
				t.pool.put(t.pool.take(rows * in))
				t.touch(2 * rows * in)
			}
		}
	}
	var outs []*value
	var rooms []*buf
	for _, w := range ws {
		y := t.result(rows, w.out)
		outs = append(outs, y)
		if unread {
			continue
		}
		t.multiply(rows, in, w.out)
		if w.plainBias() != nil {
			t.touch(2 * y.size())
		}
		if a := w.adapter; a != nil {
			v := t.pool.take(rows * a.rank)
			if a.m != nil {
				t.skinny(rows, a.rank, a.rank)
			}
			rooms = append(rooms, t.pool.take(rows*a.rank))
			t.pool.put(v)
			t.skinny(rows, a.rank, w.out)
		}
	}
	for _, r := range rooms {
		t.pool.put(r)
	}
	t.pool.put(room)
	free()
	grads := make([]*buf, len(ws))
	all := t.apply(&value{rows: 1, cols: 1, data: &buf{n: 1}}, func(*buf) { t.linearsBackward(x, rows, ws, grads) }, operands, us...)
	for i := range outs {
		outs[i] = t.apply(outs[i], func(g *buf) {
			grads[i] = g
			if all.grad == nil {
				all.grad = &buf{n: 1}
			}
		}, []*value{all})
		if w := ws[i]; w.adapter != nil && w.adapter.magnitude != nil {
			outs[i] = t.scaleRows(outs[i], w)
		}
	}
	return outs
}

// plainBias is the bias that linears add: none where a magnitude comes between.
func (w *weight) plainBias() *value {
	if w.adapter != nil && w.adapter.magnitude != nil {
		return nil
	}
	return w.b
}

// scaleRows is DoRA's magnitude: norms of W + B·M·A, and the result z scaled by them in its own memory.
func (t *tape) scaleRows(z *value, w *weight) *value {
	a := w.adapter
	if a.a.track || a.b.track || a.m != nil && a.m.track { // else they are known
		var bufs []*buf
		if a.m != nil {
			bufs = append(bufs, t.pool.take(a.rank*w.in))
			t.skinny(a.rank, a.rank, w.in)
		}
		bufs = append(bufs, t.pool.take(a.rank*w.out), t.pool.take(a.rank*a.rank), t.pool.take(w.out*a.rank))
		t.multiply(a.rank, w.in, w.out)
		t.skinny(a.rank, w.in+w.out, a.rank)
		for _, b := range bufs {
			t.pool.put(b)
		}
	}
	y := t.moved(z)
	y.again = true
	t.touch(2 * y.size())
	if w.b != nil {
		t.touch(2 * y.size())
	}
	return t.apply(y, func(g *buf) {
		if w.b != nil && w.b.track {
			t.into(w.b)
			t.touch(g.n)
		}
		if a.magnitude.track {
			t.into(a.magnitude)
			t.touch(2 * g.n)
			if w.b != nil {
				t.touch(2 * g.n)
			}
		}
		if !z.track {
			t.pool.put(g)
			return
		}
		t.touch(2 * g.n)
		t.accumulate(z, g)
	}, []*value{z, a.magnitude, w.b})
}

func (t *tape) linearsBackward(x lazy, rows int, ws []*weight, grads []*buf) {
	in := ws[0].in
	free := x.compute(t, rows, in)
	dx := x.tracked()
	var rooms []*buf
	packed := make([]bool, len(ws))
	for i, w := range ws {
		if grads[i] == nil {
			continue
		}
		if b := w.plainBias(); b != nil && b.track {
			t.into(b)
			t.touch(rows * w.out)
		}
		if w.w != nil && w.w.track {
			t.into(w.w)
			t.multiply(w.out, rows, in)
		}
		if dx || w.adapter != nil {
			rooms = append(rooms, t.pool.take(rows*w.out))
			packed[i] = true
			t.touch(2 * rows * w.out)
		}
	}
	dus := t.adaptersBackward(rows, ws, packed)
	for _, g := range grads {
		t.pool.put(g)
	}
	var d *buf
	if dx {
		d = t.pool.take(rows * in)
		for i, w := range ws {
			if grads[i] != nil {
				t.multiply(rows, w.out, in)
			}
			if dus[i] != nil && !w.adapter.dropout {
				rooms = append(rooms, t.pool.take(rows*w.adapter.rank))
				t.skinny(rows, w.adapter.rank, in)
			}
		}
		for i, w := range ws {
			if dus[i] != nil && w.adapter.dropout {
				t.pool.put(t.pool.take(rows * in))
				t.skinny(rows, w.adapter.rank, in)
				t.touch(5 * rows * in)
			}
		}
	}
	for _, b := range append(dus, rooms...) {
		t.pool.put(b)
	}
	switch {
	case d == nil:
	case x.x != nil:
		t.accumulate(x.x, d)
	default:
		x.backward(d)
	}
	free()
}

// adaptersBackward leaves the gradients of u.
func (t *tape) adaptersBackward(rows int, ws []*weight, packed []bool) []*buf {
	dus := make([]*buf, len(ws))
	for i, w := range ws {
		if w.adapter != nil && packed[i] {
			dus[i] = t.pool.take(rows * w.adapter.rank)
			t.skinny(rows, w.out, w.adapter.rank)
		}
	}
	for i, w := range ws {
		a := w.adapter
		if dus[i] == nil {
			continue
		}
		if a.b.track {
			v := t.pool.take(rows * a.rank)
			t.into(a.b)
			t.skinny(w.out, rows, a.rank)
			t.pool.put(v)
		}
		if a.c != nil {
			if a.c.track {
				t.into(a.c)
			}
			t.touch(4 * rows * a.rank)
		}
		if a.m != nil {
			if a.m.track {
				t.into(a.m)
			}
			t.skinny(rows, a.rank, 3*a.rank)
			dv := dus[i]
			dus[i] = t.pool.take(rows * a.rank)
			t.pool.put(dv)
		}
		if a.a.track {
			var dropped *buf
			if a.dropout {
				dropped = t.pool.take(rows * w.in)
				t.touch(2 * rows * w.in)
			}
			t.into(a.a)
			t.skinny(a.rank, rows, w.in)
			t.pool.put(dropped)
		}
	}
	return dus
}

// norm keeps one number a row (RMSNorm) or two (LayerNorm).
func (t *tape) norm(x *value, keeps int, leaves ...*value) *value {
	y := t.result(x.rows, x.cols)
	t.touch(3 * x.size())
	var kept []*buf
	for range keeps {
		kept = append(kept, t.pool.take(x.rows))
	}
	return t.apply(y, func(g *buf) { t.normBackward(x, leaves, g) }, append([]*value{x}, leaves...), kept...)
}

func (t *tape) normBackward(x *value, leaves []*value, g *buf) {
	for _, l := range leaves {
		if l.track {
			t.into(l)
		}
	}
	t.touch(5 * x.size())
	t.pass(x, g)
}

// pass hands the gradient on to x, or gives it back.
func (t *tape) pass(x *value, g *buf) {
	if x.track {
		t.accumulate(x, g)
	} else {
		t.pool.put(g)
	}
}

func (t *tape) rope(x *value) *value {
	y := t.moved(x)
	y.again = x.wanted()
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		t.touch(2 * g.n)
		if x.wanted() {
			t.touch(2 * g.n)
			x.data, y.data = y.data, nil
		}
		t.accumulate(x, g)
	}, []*value{x})
}

// attention of heads, over sequences of the lengths, of which the last asking positions ask; causal does half the work.
func (t *tape) attention(q, k, v *value, heads, kv, d int, causal bool, lengths, asking []int) *value {
	out := t.result(q.rows, q.cols)
	lse := t.pool.take(q.rows * heads)
	pairs := 0.0
	for i, n := range lengths {
		a := float64(asking[i])
		pairs += a * float64(n)
		if causal {
			pairs -= a * a / 2
		}
	}
	one := 2 * pairs * float64(heads*d) // a product of n x d with d x n
	t.work.Attention += 2 * one
	t.touch(2 * (q.size() + k.size() + v.size()))
	return t.apply(out, func(g *buf) {
		dq, dk, dv := t.pool.take(q.size()), t.pool.take(k.size()), t.pool.take(v.size())
		t.work.Attention += 5 * one
		if kv != heads {
			t.touch(6 * heads * d * k.rows)
		}
		t.pool.put(g)
		t.pass(q, dq)
		t.pass(k, dk)
		t.pass(v, dv)
	}, []*value{q, k, v}, lse)
}

// residual is x + y, scaled by a frozen scale or not.
func (t *tape) residual(x, y *value) *value {
	var z *value
	if y.wanted() {
		z = t.result(y.rows, y.cols)
	} else {
		z = t.moved(y)
	}
	t.touch(4 * z.size())
	return t.apply(z, func(g *buf) {
		dy := g
		if y.track {
			if x.track {
				dy = t.pool.take(y.size())
				t.touch(2 * dy.n)
			}
			t.accumulate(y, dy)
		}
		if x.track {
			t.accumulate(x, g)
		}
	}, []*value{x, y})
}

func (t *tape) swiGLUBackward(gate, up *value, g *buf) {
	dg, du := t.pool.take(gate.size()), t.pool.take(up.size())
	t.touch(12 * g.n)
	t.pool.put(g)
	t.pass(gate, dg)
	t.pass(up, du)
}

func (t *tape) mulColumns(x, by *value) *value {
	y := t.result(x.rows, x.cols)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		if by.track {
			t.into(by)
		}
		t.touch(2 * g.n)
		t.pass(x, g)
	}, []*value{x, by})
}

func (t *tape) embedding(table *value, rows int) *value {
	y := t.result(rows, table.cols)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		t.into(table)
		t.touch(3 * g.n)
		t.pool.put(g)
	}, []*value{table})
}

func (t *tape) splice(x, rows *value) *value {
	y := t.moved(x)
	t.touch(2 * rows.size())
	return t.apply(y, func(g *buf) {
		if rows.track {
			t.accumulate(rows, t.pool.take(rows.size()))
			t.touch(2 * rows.size())
		}
		t.pass(x, g)
	}, []*value{x, rows})
}

func (t *tape) selectRows(x *value, rows int) *value {
	y := t.result(rows, x.cols)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		dx := t.pool.take(x.size())
		t.touch(dx.n + 2*g.n)
		t.pool.put(g)
		t.accumulate(x, dx)
	}, []*value{x})
}

func (t *tape) concatColumns(xs []*value) *value {
	if len(xs) == 1 {
		return xs[0]
	}
	cols := 0
	for _, x := range xs {
		cols += x.cols
	}
	y := t.result(xs[0].rows, cols)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		for _, x := range xs {
			if x.track {
				t.accumulate(x, t.pool.take(x.size()))
			}
		}
		t.touch(2 * g.n)
		t.pool.put(g)
	}, xs)
}

// patchTokens makes rows of patches, class tokens, registers and positions.
func (t *tape) patchTokens(patches, cls, registers, pos *value, rows int) *value {
	y := t.result(rows, patches.cols)
	t.touch(3 * y.size())
	return t.apply(y, func(g *buf) {
		var dp *buf
		if patches.track {
			dp = t.pool.take(patches.size())
		}
		for _, l := range []*value{pos, cls, registers} {
			if l != nil && l.track {
				t.into(l)
			}
		}
		if dp != nil {
			t.accumulate(patches, dp)
		}
		t.pool.put(g)
	}, []*value{patches, cls, registers, pos})
}

// columns are so many columns of x.
func (t *tape) columns(x *value, cols int) *value {
	y := t.result(x.rows, cols)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		t.into(x)
		t.touch(3 * g.n)
		t.pool.put(g)
	}, []*value{x})
}

// matMul is a constant [m, n] times b.
func (t *tape) matMul(m, n int, b *value) *value {
	y := t.result(m, b.cols)
	t.multiply(m, n, b.cols)
	return t.apply(y, func(g *buf) {
		t.into(b)
		t.multiply(n, m, b.cols)
		t.pool.put(g)
	}, []*value{b})
}

// crossEntropy is the head and the loss over rows that have a target. Logits are kept for a head that is trained.
func (t *tape) crossEntropy(x *value, head *weight) *value {
	t.multiply(x.rows, head.in, head.out)
	t.touch(10 * x.rows * head.out)
	if x.track {
		t.multiply(x.rows, head.out, head.in)
	}
	loss := &value{rows: 1, cols: 1, data: &buf{n: 1}} // not the pool's
	if head.w.track {
		logits := t.pool.take(x.rows * head.out)
		return t.apply(loss, func(*buf) {
			t.into(head.w)
			t.multiply(head.out, x.rows, head.in)
			if x.track {
				t.accumulate(x, t.pool.take(x.size()))
			}
		}, []*value{x, head.w}, logits)
	}
	var dx *buf
	if x.track {
		dx = t.pool.take(x.size())
	}
	t.pool.put(t.pool.take(min(x.rows, autograd.LogitRows(head.out)) * head.out))
	return t.apply(loss, func(*buf) { t.accumulate(x, dx) }, []*value{x, head.w})
}

// checkpoint computes f, which depends on leaves, again in the backward pass. What f leaves on the way is garbage the first time.
func (t *tape) checkpoint(x *value, leaves []*value, f func(t *tape, x *value) *value) *value {
	inner := &tape{pool: t.pool, work: t.work, forget: true}
	out := f(inner, &value{rows: x.rows, cols: x.cols, data: x.data})
	out.track = false
	inner.settle(0, out)
	return t.apply(out, func(g *buf) {
		inner := &tape{pool: t.pool, work: t.work, again: true}
		y := &value{rows: x.rows, cols: x.cols, data: x.data, track: x.track}
		inner.backward(f(inner, y), g)
		if y.grad != nil {
			t.accumulate(x, y.grad)
		}
	}, append([]*value{x}, leaves...))
}
