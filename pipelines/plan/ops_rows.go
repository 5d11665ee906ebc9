package plan

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
