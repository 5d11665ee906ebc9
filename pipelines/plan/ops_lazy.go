package plan

import "slices"

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
