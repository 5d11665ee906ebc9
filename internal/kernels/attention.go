package kernels

import (
	"math"
	"sync"
	"unsafe"
)

// Attention describes scaled dot-product attention over sequences that lie end to end.
// Rows of q and out are H*D wide, rows of k and v KV*D.
type Attention struct {
	H, KV, D int
	Scale    float32
	Causal   bool // key j is visible to query i of n queries and m keys when j <= i + m - n
	Window   int  // with Causal: and j > i + m - n - Window; 0 is no window
}

// Span is one sequence: queries Q0..Q0+QN of q, keys and values K0..K0+KN of k and v.
type Span struct{ Q0, QN, K0, KN int }

var floatPool = sync.Pool{New: func() any { return new([]float32) }}

func getFloats(n int) *[]float32 {
	p := floatPool.Get().(*[]float32)
	if cap(*p) < n {
		*p = make([]float32, n)
	}
	*p = (*p)[:n]
	return p
}

// visible returns the keys [lo, hi) that query i of s may see.
func (a *Attention) visible(s Span, i int) (lo, hi int) {
	if !a.Causal {
		return 0, s.KN
	}
	hi = i + s.KN - s.QN + 1
	if a.Window > 0 {
		lo = max(0, hi-a.Window)
	}
	return lo, hi
}

// Keys and values are packed once for a head and a run of queries; scores exist for a block of queries
// at a time, queryBlock rows of as many columns as there are keys.
const (
	queryBlock = 4 * maxTall
	queryRun   = 6 * queryBlock
)

// panels are the columns of a matrix [pitch, n], 16 at a time, each panel [pitch, 16].
type panels struct {
	f     []float32
	pitch int
}

// packAll packs all of b into f and returns what is left of f.
func packAll(b *Packed, f []float32) (p panels, rest []float32) {
	var t [nr * nr]float32
	room := b.K * nr
	for j := range b.panels() {
		b.expand(j, 0, b.K, f[j*room:(j+1)*room], &t)
	}
	n := b.panels() * room
	return panels{f[:n], b.K}, f[n:]
}

// mul multiplies rows i0..i1 of a, which has m, no more than a tile has, with rows k0..k0+k and columns
// n0..n0+n of b; n0 is a multiple of 16. c begins at row 0 and column n0.
func (b panels) mul(a []float32, m, i0, i1, rs, cs, k0, k, n0, n int, c []float32, ldc int, add bool, s *scratch) {
	for l := 0; l < k; l += kcMax {
		kc := min(kcMax, k-l)
		packA(s.a[:], a, i0, i1-i0, m, l, kc, rs, cs)
		acc := 0
		if add || l > 0 {
			acc = 1
		}
		for j := 0; j < n; j += 2 * nr {
			at := (n0+j)*b.pitch + (k0+l)*nr
			b1 := unsafe.Pointer(&b.f[at])
			b2 := b1
			if n-j > nr {
				b2 = unsafe.Pointer(&b.f[at+b.pitch*nr])
			}
			tile(kc, i1-i0, &s.a[0], b1, b2, c[i0*ldc+j:], ldc, min(2*nr, n-j), b1, acc, s)
		}
	}
}

// eachTile cuts m rows into panels that a tile takes.
func eachTile(m int, f func(i0, i1 int)) {
	tall := tallest()
	mp := (m + tall - 1) / tall
	for i := range mp {
		f(cut(m, mp, i), cut(m, mp, i+1))
	}
}

func up16(n int) int { return (n + 15) &^ 15 }

// Forward writes out [queries, H*D] and lse [queries, H], the log-sum-exp of each row of scores.
func (a *Attention) Forward(on Workers, out, lse, q, k, v []float32, spans []Span) {
	type run struct {
		Span
		from, h int
	}
	var runs []run
	for _, s := range spans {
		for h := range a.H {
			for i := 0; i < s.QN; i += queryRun {
				runs = append(runs, run{s, i, h})
			}
		}
	}
	on.Each(len(runs), func(t int) {
		r := runs[t]
		a.forward(out, lse, q, k, v, r.Span, r.h, r.from, min(r.QN, r.from+queryRun))
	})
}

// forward does queries from..to of head h.
func (a *Attention) forward(out, lse, q, k, v []float32, s Span, h, from, to int) {
	g, lk := h/(a.H/a.KV), a.KV*a.D
	first, _ := a.visible(s, from)
	first &^= nr - 1
	_, last := a.visible(s, to-1)
	keys, at := last-first, (s.K0+first)*lk+g*a.D
	buf := getFloats(up16(keys)*(a.D+queryBlock) + keys*up16(a.D) + queryBlock*a.D)
	defer floatPool.Put(buf)
	kt, rest := packAll(NK(k[at:], keys, a.D, lk), *buf)
	vp, rest := packAll(KN(v[at:], keys, a.D, lk), rest)
	a.over(out, lse, q, s, h, from, to, first, kt, vp, rest)
}

// over attends with queries from..to of head h to keys kt and values vp, which begin at key first. work has
// room for queryBlock queries and their scores. lse is nil where nobody wants it.
func (a *Attention) over(out, lse, q []float32, s Span, h, from, to, first int, kt, vp panels, work []float32) {
	lq := a.H * a.D
	qs, p := work[:queryBlock*a.D], work[queryBlock*a.D:]
	sc := scratchPool.Get().(*scratch)
	defer scratchPool.Put(sc)
	for i0 := from; i0 < to; i0 += queryBlock {
		n := min(queryBlock, to-i0)
		a.scaledQueries(qs, q, s.Q0+i0, n, h)
		lo, _ := a.visible(s, i0)
		lo = lo&^(nr-1) - first
		_, hi := a.visible(s, i0+n-1)
		w := up16(hi - first - lo)
		o := out[(s.Q0+i0)*lq+h*a.D:]
		eachTile(n, func(t0, t1 int) {
			var inverse [maxTall]float32
			_, end := a.visible(s, i0+t1-1)
			end -= first + lo
			kt.mul(qs, n, t0, t1, a.D, 1, 0, a.D, lo, end, p, w, false, sc)
			for i := t0; i < t1; i++ {
				l, r := a.visible(s, i0+i)
				l, r = l-first-lo, r-first-lo
				row := p[i*w:][:end]
				clear(row[:l])
				clear(row[r:])
				m := Max(row[l:r])
				sum := Exp(row[l:r], row[l:r], m)
				if lse != nil {
					lse[(s.Q0+i0+i)*a.H+h] = float32(float64(m) + math.Log(float64(sum)))
				}
				inverse[i-t0] = 1 / sum
			}
			vp.mul(p, n, t0, t1, w, 1, lo, end, 0, a.D, o, lq, false, sc)
			for i := t0; i < t1; i++ {
				Scale(o[i*lq:][:a.D], inverse[i-t0])
			}
		})
	}
}

func (a *Attention) scaledQueries(dst, q []float32, r0, n, h int) {
	for i := range n {
		vecScale(dst[i*a.D:][:a.D], q[(r0+i)*a.H*a.D+h*a.D:][:a.D], a.Scale)
	}
}
