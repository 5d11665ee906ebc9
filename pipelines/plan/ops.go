package plan

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
}

func (t *tape) linear(x *value, w *weight) *value {
	y := t.result(x.rows, w.out)
	t.multiply(x.rows, w.in, w.out)
	if w.b != nil {
		t.touch(2 * y.size())
	}
	return t.apply(y, func(g *buf) {
		if w.b != nil && w.b.track {
			t.into(w.b)
			t.touch(g.n)
		}
		if w.w != nil && w.w.track {
			t.into(w.w)
			t.multiply(w.out, x.rows, w.in)
		}
		if x.track {
			dx := t.pool.take(x.size())
			t.multiply(x.rows, w.out, w.in)
			t.accumulate(x, dx)
		}
		t.pool.put(g)
	}, []*value{x, w.w, w.b})
}

func (t *tape) lowRank(y, x *value, w *weight) *value {
	a := w.adapter
	n, r := x.rows, a.rank
	var dropped *buf
	if a.dropout {
		dropped = t.pool.take(x.size())
		t.touch(2 * x.size())
	}
	u := t.pool.take(n * r)
	v := t.pool.take(n * r)
	t.skinny(n, w.in, r)
	t.skinny(n, r, w.out)
	if a.m != nil {
		t.skinny(n, r, r)
	}
	t.touch(2 * y.size())
	out := t.moved(y)
	return t.apply(out, func(g *buf) {
		into := func(v *value) {
			if v != nil && v.track {
				t.into(v)
			}
		}
		into(a.b)
		t.skinny(w.out, n, r)
		dv := t.pool.take(n * r)
		t.skinny(n, w.out, r)
		du := dv
		if a.m != nil {
			into(a.m)
			t.skinny(n, r, 2*r)
			du = t.pool.take(n * r)
			t.pool.put(dv)
		}
		into(a.a)
		t.skinny(r, n, w.in)
		if x.track {
			dx := t.pool.take(x.size())
			t.skinny(n, r, w.in)
			t.accumulate(x, dx)
		}
		t.pool.put(du)
		if y.track {
			t.accumulate(y, g)
		} else {
			t.pool.put(g)
		}
	}, []*value{y, x, a.a, a.m, a.b}, u, v, dropped)
}

// norm keeps one number a row (RMSNorm) or two (LayerNorm).
func (t *tape) norm(x *value, keeps int, leaves ...*value) *value {
	y := t.result(x.rows, x.cols)
	t.touch(3 * x.size())
	var kept []*buf
	for range keeps {
		kept = append(kept, t.pool.take(x.rows))
	}
	return t.apply(y, func(g *buf) {
		for _, l := range leaves {
			if l.track {
				t.into(l)
			}
		}
		t.touch(5 * x.size())
		t.pass(x, g)
	}, append([]*value{x}, leaves...), kept...)
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
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		t.touch(2 * g.n)
		t.accumulate(x, g)
	}, []*value{x})
}

// attention of heads, over sequences of the lengths; causal does half the work.
func (t *tape) attention(q, k, v *value, heads, kv, d int, causal bool, lengths []int) *value {
	out := t.result(q.rows, q.cols)
	lse := t.pool.take(q.rows * heads)
	pairs := 0.0
	for _, n := range lengths {
		p := float64(n) * float64(n)
		if causal {
			p /= 2
		}
		pairs += p
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

func (t *tape) add(x, y *value) *value {
	z := t.result(x.rows, x.cols)
	t.touch(3 * z.size())
	return t.apply(z, func(g *buf) {
		switch {
		case x.track && y.track:
			h := t.pool.take(x.size())
			t.touch(2 * h.n)
			t.accumulate(x, h)
			t.accumulate(y, g)
		case x.track:
			t.accumulate(x, g)
		default:
			t.accumulate(y, g)
		}
	}, []*value{x, y})
}

func (t *tape) activate(x *value) *value {
	y := t.result(x.rows, x.cols)
	t.touch(8 * x.size()) // an exponential costs as much as several passes
	return t.apply(y, func(g *buf) {
		t.touch(10 * g.n)
		t.accumulate(x, g)
	}, []*value{x})
}

func (t *tape) swiGLU(gate, up *value) *value {
	y := t.result(gate.rows, gate.cols)
	t.touch(8 * y.size())
	return t.apply(y, func(g *buf) {
		dg, du := t.pool.take(gate.size()), t.pool.take(up.size())
		t.touch(12 * g.n)
		t.pool.put(g)
		t.pass(gate, dg)
		t.pass(up, du)
	}, []*value{gate, up})
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

// patchTokens makes rows of patches, class tokens and positions.
func (t *tape) patchTokens(patches, cls, pos *value, rows int) *value {
	y := t.result(rows, patches.cols)
	t.touch(3 * y.size())
	return t.apply(y, func(g *buf) {
		var dp *buf
		if patches.track {
			dp = t.pool.take(patches.size())
		}
		for _, l := range []*value{pos, cls} {
			if l.track {
				t.into(l)
			}
		}
		if dp != nil {
			t.accumulate(patches, dp)
		}
		t.pool.put(g)
	}, []*value{patches, cls, pos})
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

// crossEntropy is the head and the loss over rows that have a target.
func (t *tape) crossEntropy(x *value, head *weight) *value {
	logits := t.pool.take(x.rows * head.out)
	t.multiply(x.rows, head.in, head.out)
	t.touch(8 * logits.n)
	loss := &value{rows: 1, cols: 1, data: &buf{n: 1}} // not the pool's
	return t.apply(loss, func(g *buf) {
		t.touch(2 * logits.n)
		if head.w.track {
			t.into(head.w)
			t.multiply(head.out, x.rows, head.in)
		}
		if x.track {
			dx := t.pool.take(x.size())
			t.multiply(x.rows, head.out, head.in)
			t.accumulate(x, dx)
		}
	}, []*value{x, head.w}, logits)
}

// checkpoint computes f, which depends on leaves, again in the backward pass. What f leaves on the way is garbage the first time.
func (t *tape) checkpoint(x *value, leaves []*value, f func(t *tape, x *value) *value) *value {
	inner := &tape{pool: t.pool, work: t.work, forget: true}
	out := f(inner, &value{rows: x.rows, cols: x.cols, data: x.data})
	out.track = false
	inner.settle(0, out)
	return t.apply(out, func(g *buf) {
		inner := &tape{pool: t.pool, work: t.work}
		y := &value{rows: x.rows, cols: x.cols, data: x.data, track: x.track}
		inner.backward(f(inner, y), g)
		if y.grad != nil {
			t.accumulate(x, y.grad)
		}
	}, append([]*value{x}, leaves...))
}
