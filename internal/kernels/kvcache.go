package kernels

// KV holds the keys and values of one sequence in the panels that products read, so that attending over them
// packs nothing. A position has KV heads of D elements each.
type KV struct {
	Heads, D, Capacity int
	k, v               []float32
}

// KVSize is how many floats NewKV needs.
func KVSize(heads, d, capacity int) int {
	return heads * (up16(capacity)*d + up16(d)*capacity)
}

// NewKV makes room for capacity positions in mem, which has KVSize floats. What mem holds does not matter.
func NewKV(mem []float32, heads, d, capacity int) KV {
	n := heads * up16(capacity) * d
	return KV{Heads: heads, D: d, Capacity: capacity, k: mem[:n], v: mem[n:KVSize(heads, d, capacity)]}
}

// keys are those of head h: panels of 16 positions, each [D, 16].
func (c *KV) keys(h int) panels {
	n := up16(c.Capacity) * c.D
	return panels{c.k[h*n : (h+1)*n], c.D}
}

// values are those of head h: panels of 16 elements, each [Capacity, 16].
func (c *KV) values(h int) panels {
	n := up16(c.D) * c.Capacity
	return panels{c.v[h*n : (h+1)*n], c.Capacity}
}

// Put stores n positions from at on; k and v are [n, Heads*D].
func (c *KV) Put(at int, k, v []float32, n int) {
	if at+n > c.Capacity {
		panic("kernels: KV.Put: positions beyond the capacity")
	}
	ld := c.Heads * c.D
	for h := range c.Heads {
		kp, vp := c.keys(h).f, c.values(h).f
		src := NK(k[h*c.D:], n, c.D, ld)
		for i := 0; i < n; {
			p := at + i
			if p%nr == 0 && n-i >= nr {
				whole := NK(src.f[i*ld:], nr, c.D, ld)
				whole.packNK(0, 0, c.D, kp[p*c.D:])
				i += nr
				continue
			}
			row, to := src.f[i*ld:][:c.D], kp[p/nr*nr*c.D+p%nr:]
			for d, x := range row {
				to[d*nr] = x
			}
			i++
		}
		for d := 0; d < c.D; d += nr {
			fillRows(n, min(nr, c.D-d), v[h*c.D+d:], ld, vp[d*c.Capacity+at*nr:])
		}
	}
}

// CopyFrom takes over the first n positions of another sequence of the same shape.
func (c *KV) CopyFrom(src *KV, n int) {
	if n > c.Capacity || n > src.Capacity {
		panic("kernels: KV.CopyFrom: positions beyond the capacity")
	}
	for h := range c.Heads {
		copy(c.keys(h).f[:up16(n)*c.D], src.keys(h).f)
		to, from := c.values(h).f, src.values(h).f
		for d := 0; d < c.D; d += nr {
			copy(to[d*c.Capacity:][:n*nr], from[d*src.Capacity:])
		}
	}
}

// KVSpan is one sequence: queries Q0..Q0+QN, which are the last of the Len positions that KV holds.
type KVSpan struct {
	Q0, QN, Len int
	KV          *KV
}

// ForwardKV writes out [queries, H*D] for q [queries, H*D]: what Forward gives over the same keys and values.
func (a *Attention) ForwardKV(out, q []float32, spans []KVSpan) {
	group := a.H / a.KV
	if len(spans) == 1 && spans[0].QN == 1 {
		for g := range a.KV {
			a.oneQuery(out, q, spans[0], g)
		}
		return
	}
	type run struct{ span, from, h int }
	var runs []run
	for i, s := range spans {
		if s.QN == 1 {
			for g := range a.KV {
				runs = append(runs, run{i, -1, g})
			}
			continue
		}
		for h := range a.H {
			for from := 0; from < s.QN; from += queryRun {
				runs = append(runs, run{i, from, h})
			}
		}
	}
	Each(len(runs), func(t int) {
		r := runs[t]
		s := spans[r.span]
		if r.from < 0 {
			a.oneQuery(out, q, s, r.h)
			return
		}
		p := getFloats(queryBlock * (up16(s.Len) + a.D))
		defer floatPool.Put(p)
		g := r.h / group
		a.over(out, nil, q, Span{Q0: s.Q0, QN: s.QN, KN: s.Len}, r.h, r.from, min(s.QN, r.from+queryRun), 0, s.KV.keys(g), s.KV.values(g), *p)
	})
}

// oneQuery does a single query for the heads that share key-value head g: to the tile they are rows, since
// all see the same keys.
func (a *Attention) oneQuery(out, q []float32, s KVSpan, g int) {
	n := a.H / a.KV
	lo, end := a.visible(Span{QN: 1, KN: s.Len}, 0)
	first := lo &^ (nr - 1)
	w := up16(end - first)
	buf := getFloats(n * (a.D + w))
	defer floatPool.Put(buf)
	qs, p := (*buf)[:n*a.D], (*buf)[n*a.D:]
	sc := scratchPool.Get().(*scratch)
	defer scratchPool.Put(sc)
	at := s.Q0*a.H*a.D + g*n*a.D
	vecScale(qs, q[at:][:n*a.D], a.Scale)
	o := out[at:]
	kt, vp := s.KV.keys(g), s.KV.values(g)
	eachTile(n, func(t0, t1 int) {
		kt.mul(qs, n, t0, t1, a.D, 1, 0, a.D, first, end-first, p, w, false, sc)
		var inverse [maxTall]float32
		for i := t0; i < t1; i++ {
			row := p[i*w:][:end-first]
			clear(row[:lo-first])
			row = row[lo-first:]
			inverse[i-t0] = 1 / Exp(row, row, Max(row))
		}
		vp.mul(p, n, t0, t1, w, 1, first, end-first, 0, a.D, o, a.D, false, sc)
		for i := t0; i < t1; i++ {
			Scale(o[i*a.D:][:a.D], inverse[i-t0])
		}
	})
}
