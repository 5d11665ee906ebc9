package plan

import "moslava/internal/autograd"

// The operations of internal/autograd, one function each, in the order of its files. What an operation keeps, takes and gives
// back has to be what it does there: TestTape compares both, buffer by buffer.

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
