package plan

import "moslava/pipelines/vlm"

// Operations of adapters on the vocabulary's tables, as in internal/autograd/tables.go and internal/nn/tables.go.

func (t *tape) lookup(a *value, rows int) *value {
	y := t.result(rows, a.rows)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		t.into(a)
		t.touch(3 * g.n)
		t.pool.put(g)
	}, []*value{a})
}

func (t *tape) transpose(x *value) *value {
	y := t.result(x.cols, x.rows)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		t.touch(2 * g.n)
		t.accumulate(x, t.pool.take(x.size()))
		t.pool.put(g)
	}, []*value{x})
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

func (t *tape) spliceColumns(x, cols *value) *value {
	y := t.result(x.rows, x.cols)
	t.touch(2 * y.size())
	return t.apply(y, func(g *buf) {
		dc := t.pool.take(cols.size())
		if cols.track {
			t.accumulate(cols, dc)
		} else {
			t.pool.put(dc)
		}
		t.pass(x, g)
	}, []*value{x, cols})
}

// logitLoss makes the gradient of the logits at once and hands it over.
func (t *tape) logitLoss(logits *value) *value {
	t.touch(10 * logits.size())
	grad := t.pool.take(logits.size())
	loss := &value{rows: 1, cols: 1, data: &buf{n: 1}} // not the pool's
	return t.apply(loss, func(*buf) { t.accumulate(logits, grad) }, []*value{logits})
}

// embedName and headName are those of the decoder's tables.
func (m *model) embedName() string {
	return vlm.LanguagePrefix + "model." + m.Config.Text.Names().Embed
}
func (m *model) headName() string { return vlm.LanguagePrefix + m.Config.Text.Names().Head }

// embed is nn.Embedding.Forward. How many of the tokens have rows of their own is not known: they are taken to be few.
func (m *model) embed(t *tape, tokens int) *value {
	x := t.embedding(m.leaf(m.embedName()+".weight"), tokens)
	if m.part.Adapters[m.embedName()] == nil {
		return x
	}
	a := m.weight(m.embedName()).adapter
	v := t.lookup(a.a, tokens)
	if a.m != nil {
		v = t.linear(v, &weight{out: a.rank, in: a.rank, w: a.m})
	}
	v = t.mulColumns(v, &value{rows: 1, cols: a.rank})
	return t.add(x, t.linear(v, &weight{out: a.b.rows, in: a.rank, w: a.b}))
}

// head is nn.Head.Loss.
func (m *model) head(t *tape, x *value) *value {
	name := m.headName()
	if m.Config.Text.TieWordEmbeddings {
		name = m.embedName()
	}
	w := m.weight(name)
	rows := m.part.Rows[name]
	if w.adapter == nil && rows == 0 {
		return t.crossEntropy(x, w)
	}
	if a := w.adapter; a != nil && name == m.embedName() {
		turned := &adapter{rank: a.rank, a: t.transpose(a.b), b: t.transpose(a.a)}
		if a.m != nil {
			turned.m = t.transpose(a.m)
		}
		w = &weight{out: w.out, in: w.in, w: w.w, adapter: turned}
	}
	y := t.linear(x, w)
	if rows > 0 {
		y = t.spliceColumns(y, t.linear(x, &weight{out: rows, in: w.in, w: m.rows(name, w.in)}))
	}
	return t.logitLoss(y)
}

// rows are the trained rows of a table.
func (m *model) rows(table string, d int) *value {
	return m.extra(table+".T", m.part.Rows[table], d, m.part.TrainAdapters)
}
