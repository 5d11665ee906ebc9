package kernels

import (
	"sync/atomic"
	"unsafe"
)

// Work is shared out in one of two ways. Where B is wide, all of A is packed first and a worker takes
// pairs of panels of B, which it expands for itself (byColumns). Where B is narrow, as an adapter's is,
// all of B is expanded first and a worker takes panels of A, which it packs for itself (byRows). Either
// way nothing is packed twice, and no sum over K is split between workers.

const (
	rowGroup   = 4         // panels of A taken at a time by byRows
	tallPanels = 16        // of B, up to which byRows is used
	mcMax      = 1 << 10   // rows of A taken at a time by byColumns,
	ksMax      = 8 * kcMax // and of its columns: what is packed takes 8 MiB at most
)

// mulCall is one call of Mul.
type mulCall struct {
	t, m       int
	a          []float32
	rs, cs     int
	b          *Packed
	c          []float32
	ldc        int
	accumulate bool
	tall       int // height of the register tile
}

// cut says where panel p of n panels of m rows begins. Heights differ by at most one row, so that no
// panel is much flatter than the tile.
func cut(m, n, p int) int { return p * m / n }

// tasks hands out the numbers below n.
type tasks struct {
	n          int
	next, done atomic.Int64
}

// run does tasks until there are none left, and returns when all are done, whoever does them.
func (t *tasks) run(f func(i int)) {
	for {
		i := int(t.next.Add(1)) - 1
		if i >= t.n {
			break
		}
		f(i)
		t.done.Add(1)
	}
	for spins := 0; int(t.done.Load()) < t.n; spins++ {
		pause(spins)
	}
}

// shares hands out the numbers below n, some at a time, so that each worker has a run of its own.
type shares struct {
	n, step int
	parts   []part
	who     atomic.Int32
	done    atomic.Int64
}

// part is one worker's: those from next to end. It has a cache line of its own.
type part struct {
	next atomic.Int64
	end  int64
	_    [48]byte
}

func share(n, step, workers int) *shares {
	s := &shares{n: n, step: step, parts: make([]part, workers)}
	for i := range s.parts {
		s.parts[i].next.Store(int64(cut(n, workers, i)))
		s.parts[i].end = int64(cut(n, workers, i+1))
	}
	return s
}

// run calls f for numbers lo to hi until there are none left, first for those of the worker's own share, and returns when
// all are done.
func (s *shares) run(f func(lo, hi int)) {
	first := int(s.who.Add(1)) - 1
	did := int64(0)
	for i := range s.parts {
		p := &s.parts[(first+i)%len(s.parts)]
		for {
			hi := p.next.Add(int64(s.step))
			lo := hi - int64(s.step)
			if lo >= p.end {
				break
			}
			hi = min(hi, p.end)
			f(int(lo), int(hi))
			did += hi - lo
		}
	}
	s.done.Add(did)
	for spins := 0; int(s.done.Load()) < s.n; spins++ {
		pause(spins)
	}
}

func (p *mulCall) byColumns() {
	for m0 := 0; m0 < p.m; {
		m := (p.m - m0 + mcMax) / (1 + (p.m-m0)/mcMax) // equal parts
		m = min(m, p.m-m0)
		for k0 := 0; k0 < p.b.K; k0 += ksMax {
			p.block(m0, m, k0, min(ksMax, p.b.K-k0))
		}
		m0 += m
	}
}

// block multiplies rows m0..m0+m and columns k0..k0+k of A with all columns of B.
func (p *mulCall) block(m0, m, k0, k int) {
	mp := (m + p.tall - 1) / p.tall
	ap := getPack(m * k)
	defer packPool.Put(ap)
	pairs := (p.b.panels() + 1) / 2
	group := 1
	if p.t == 1 {
		group = mp
	}
	pack := tasks{n: (mp + group - 1) / group}
	take := max(1, min(pairGroup, pairs/(3*p.t))) // pairs: some for each worker, and then some to even out
	each := tasks{n: (pairs + take - 1) / take}
	workers(p.t, func() {
		pack.run(func(g int) {
			for i := g * group; i < min(mp, g*group+group); i++ {
				p.packRows(*ap, m0, m, mp, i, k0, k)
			}
		})
		s := scratchPool.Get().(*scratch)
		defer scratchPool.Put(s)
		each.run(func(g int) { p.columns(*ap, cut(pairs, each.n, g), cut(pairs, each.n, g+1), m0, m, mp, k0, k, s) })
	})
}

// packRows packs panel i of block's rows, kcMax columns at a time, each [kc, rows].
func (p *mulCall) packRows(ap []float32, m0, m, mp, i, k0, k int) {
	lo, hi := cut(m, mp, i), cut(m, mp, i+1)
	for l := 0; l < k; l += kcMax {
		kc := min(kcMax, k-l)
		packA(ap[m*l+lo*kc:], p.a, m0+lo, hi-lo, p.m, k0+l, kc, p.rs, p.cs)
	}
}

// columns multiplies what packRows left with pairs j0 to j1 of panels.
func (p *mulCall) columns(ap []float32, j0, j1, m0, m, mp, k0, k int, s *scratch) {
	r := stripe{ap, m, mp, 0, mp, k0, k, p.c[m0*p.ldc:], p.ldc, p.accumulate || k0 > 0}
	r.times(p.b, j0, j1, s)
}

// stripe is what some columns of B meet: panels i0 to i1 of the mp that A's m rows make, packed, with columns k0 to
// k0+k. c begins at the first of the m rows.
type stripe struct {
	ap         []float32
	m, mp      int
	i0, i1     int
	k0, k      int
	c          []float32
	ldc        int
	accumulate bool
}

const (
	pairGroup = 4       // pairs of panels of B that a worker expands at a time,
	chunkLen  = 1 << 17 // and as many elements of A, next to them in the second-level cache, that it multiplies with them
)

// times multiplies with panels 2j0 to 2j1, at most pairGroup pairs.
func (a *stripe) times(b *Packed, j0, j1 int, s *scratch) {
	var b1, b2 [pairGroup]unsafe.Pointer
	for l := 0; l < a.k; l += kcMax {
		kc := min(kcMax, a.k-l)
		for j := j0; j < j1; j++ {
			b1[j-j0], b2[j-j0] = b.pair(2*j, a.k0+l, kc, s, j-j0)
		}
		acc := 0
		if a.accumulate || l > 0 {
			acc = 1
		}
		step := max(1, chunkLen*a.mp/(kc*max(1, a.m)))
		for i := a.i0; i < a.i1; i += step {
			for j := j0; j < j1; j++ {
				a.tiles(b, j, l, kc, i, min(i+step, a.i1), b1[j-j0], b2[j-j0], acc, s)
			}
		}
	}
}

// tiles multiplies panels i0 to i1 with the pair j, asking for the pair that comes next.
func (a *stripe) tiles(b *Packed, j, l, kc, i0, i1 int, b1, b2 unsafe.Pointer, acc int, s *scratch) {
	n0 := 2 * j * nr
	nw := min(2*nr, b.N-n0)
	next, bytes := b.stored(2*j+2, a.k0+l, kc)
	ahead, step := uintptr(0), uintptr(kc/2*64)
	for i := i0; i < i1; i++ {
		nx := b1
		if ahead+step <= bytes {
			nx = unsafe.Add(next, ahead)
			ahead += step
		}
		lo, hi := cut(a.m, a.mp, i), cut(a.m, a.mp, i+1)
		tile(kc, hi-lo, &a.ap[a.m*l+lo*kc], b1, b2, a.c[lo*a.ldc+n0:], a.ldc, nw, nx, acc, s)
	}
}

// pair returns panels j and j+1, in place or expanded into place at of s. Without a panel j+1 it returns j twice.
func (b *Packed) pair(j, k0, kc int, s *scratch, at int) (b1, b2 unsafe.Pointer) {
	two := j+1 < b.panels()
	if b.inPlace() {
		b1, _ = b.stored(j, k0, kc)
		if b2 = b1; two {
			b2, _ = b.stored(j+1, k0, kc)
		}
		return b1, b2
	}
	half := len(s.b[at]) / 2
	b.expand(j, k0, kc, s.b[at][:half], &s.t)
	b1 = unsafe.Pointer(&s.b[at][0])
	if b2 = b1; two {
		b.expand(j+1, k0, kc, s.b[at][half:], &s.t)
		b2 = unsafe.Pointer(&s.b[at][half])
	}
	return b1, b2
}

func (p *mulCall) byRows() {
	k, np := p.b.K, p.b.panels()
	var bp []float32
	room := (k + 63) / 64 * 64 * nr // of a panel
	expand := tasks{}
	if !p.b.inPlace() {
		buf := getPack(np * room)
		defer packPool.Put(buf)
		bp = *buf
		expand.n = np * ((k + kcMax - 1) / kcMax)
	}
	mp := (p.m + p.tall - 1) / p.tall
	group := 1
	if p.rs == 1 && mp >= 8*rowGroup*p.t {
		group = rowGroup // neighbours share cache lines and pages
	}
	each := tasks{n: (mp + group - 1) / group}
	workers(p.t, func() {
		s := scratchPool.Get().(*scratch)
		defer scratchPool.Put(s)
		expand.run(func(i int) {
			j, k0 := i%np, i/np*kcMax
			p.b.expand(j, k0, min(kcMax, k-k0), bp[j*room+k0*nr:(j+1)*room], &s.t)
		})
		each.run(func(g int) { p.rows(bp, room, g*group, min(mp, g*group+group), mp, s) })
	})
}

// rows multiplies panels p0..p1 of A with all of B: expanded in bp, room numbers a panel, or in place.
func (p *mulCall) rows(bp []float32, room, p0, p1, mp int, s *scratch) {
	np := p.b.panels()
	first := cut(p.m, mp, p0)
	for k0 := 0; k0 < p.b.K; k0 += kcMax {
		kc := min(kcMax, p.b.K-k0)
		for i := p0; i < p1; i++ {
			lo, hi := cut(p.m, mp, i), cut(p.m, mp, i+1)
			packA(s.a[(lo-first)*kc:], p.a, lo, hi-lo, p.m, k0, kc, p.rs, p.cs)
		}
		acc := 0
		if p.accumulate || k0 > 0 {
			acc = 1
		}
		for j := 0; j < np; j += 2 {
			var b, b2 unsafe.Pointer
			j2 := min(j+1, np-1)
			if bp == nil {
				b, _ = p.b.stored(j, k0, kc)
				b2, _ = p.b.stored(j2, k0, kc)
			} else {
				b, b2 = unsafe.Pointer(&bp[j*room+k0*nr]), unsafe.Pointer(&bp[j2*room+k0*nr])
			}
			nw := min(2*nr, p.b.N-j*nr)
			for i := p0; i < p1; i++ {
				lo, hi := cut(p.m, mp, i), cut(p.m, mp, i+1)
				tile(kc, hi-lo, &s.a[(lo-first)*kc], b, b2, p.c[lo*p.ldc+j*nr:], p.ldc, nw, b, acc, s)
			}
		}
	}
}
