package plan

import "slices"

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
