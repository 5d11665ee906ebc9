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
func (a *Attention) ForwardKV(on Workers, out, q []float32, spans []KVSpan) {
	group := a.H / a.KV
	if len(spans) == 1 && spans[0].QN == 1 {
		if t := int(on); t > 1 && spans[0].Len*a.KV*a.D >= queryWork {
			a.sharedQuery(t, out, q, spans[0])
			return
		}
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
	on.Each(len(runs), func(t int) {
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

// query is a single query of a sequence for the heads that share key-value head g: to the tile they are rows, since all
// see the same keys.
type query struct {
	a              *Attention
	kv             *KV
	g, n           int // n heads
	lo, first, end int // keys: the first that is seen, the panel's where it lies, and one beyond the last
	w              int // width of p
	qs, p          []float32
	out            []float32
	inverse        []float32 // of the sums of each row of p
}

// querySize is how many floats a query needs for itself.
func (a *Attention) querySize(s KVSpan) int {
	lo, end := a.visible(Span{QN: 1, KN: s.Len}, 0)
	return a.H / a.KV * (a.D + 1 + up16(end-lo&^(nr-1)))
}

func (a *Attention) query(out, q []float32, s KVSpan, g int, work []float32) query {
	n := a.H / a.KV
	lo, end := a.visible(Span{QN: 1, KN: s.Len}, 0)
	first := lo &^ (nr - 1)
	at := s.Q0*a.H*a.D + g*n*a.D
	r := query{a: a, kv: s.KV, g: g, n: n, lo: lo, first: first, end: end, w: up16(end - first),
		qs: work[:n*a.D], inverse: work[n*a.D:][:n], p: work[n*(a.D+1):], out: out[at:]}
	vecScale(r.qs, q[at:][:n*a.D], a.Scale)
	return r
}

// scores multiplies the heads with keys from to to, counted from first; from is a multiple of 16.
func (r *query) scores(from, to int, s *scratch) {
	kt, d := r.kv.keys(r.g), r.a.D
	eachTile(r.n, func(t0, t1 int) {
		kt.mul(r.qs, r.n, t0, t1, d, 1, 0, d, r.first+from, to-from, r.p[from:], r.w, false, s)
	})
}

// softmax leaves the division by its sum to values.
func (r *query) softmax(i int) {
	row := r.p[i*r.w:][:r.end-r.first]
	clear(row[:r.lo-r.first])
	row = row[r.lo-r.first:]
	r.inverse[i] = 1 / Exp(row, row, Max(row))
}

// values makes columns from to to of the result; from is a multiple of 16.
func (r *query) values(from, to int, s *scratch) {
	vp, d := r.kv.values(r.g), r.a.D
	eachTile(r.n, func(t0, t1 int) {
		vp.mul(r.p, r.n, t0, t1, r.w, 1, r.first, r.end-r.first, from, to-from, r.out[from:], d, false, s)
		for i := t0; i < t1; i++ {
			Scale(r.out[i*d+from:i*d+to], r.inverse[i])
		}
	})
}

// oneQuery does a single query for the heads that share key-value head g.
func (a *Attention) oneQuery(out, q []float32, s KVSpan, g int) {
	buf := getFloats(a.querySize(s))
	defer floatPool.Put(buf)
	sc := scratchPool.Get().(*scratch)
	defer scratchPool.Put(sc)
	r := a.query(out, q, s, g, *buf)
	r.scores(0, r.end-r.first, sc)
	for i := range r.n {
		r.softmax(i)
	}
	r.values(0, a.D, sc)
}

// What a worker takes of a query at a time, if others help: so many keys, and so many columns of the values.
const (
	queryKeys   = 8 * nr
	queryValues = 2 * nr
)

// sharedQuery does a single query for all heads. Of each sum all is done by one worker.
func (a *Attention) sharedQuery(t int, out, q []float32, s KVSpan) {
	size := a.querySize(s)
	buf := getFloats(a.KV * size)
	defer floatPool.Put(buf)
	rs := make([]query, a.KV)
	for g := range rs {
		rs[g] = a.query(out, q, s, g, (*buf)[g*size:(g+1)*size])
	}
	keys := rs[0].end - rs[0].first
	chunks, parts := (keys+queryKeys-1)/queryKeys, (a.D+queryValues-1)/queryValues
	scores, softmax, values := tasks{n: a.KV * chunks}, tasks{n: a.H}, tasks{n: a.KV * parts}
	workers(t, func() {
		sc := scratchPool.Get().(*scratch)
		defer scratchPool.Put(sc)
		scores.run(func(i int) {
			from := i % chunks * queryKeys
			rs[i/chunks].scores(from, min(keys, from+queryKeys), sc)
		})
		softmax.run(func(i int) { rs[i/(a.H/a.KV)].softmax(i % (a.H / a.KV)) })
		values.run(func(i int) {
			from := i % parts * queryValues
			rs[i/parts].values(from, min(a.D, from+queryValues), sc)
		})
	})
}

// queryWork is how many keys' elements are worth a helper.
const queryWork = 1 << 13
