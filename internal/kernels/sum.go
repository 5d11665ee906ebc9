package kernels

import "fmt"

// A Left is a left-hand matrix A [M, K] that is packed once for several products.
type Left struct {
	M, K   int
	panels int
	p      []float32 // kcMax columns at a time, and of those panel by panel
}

// PackLeft packs a [m, k], whose element (i, j) is at a[i*rs+j*cs], into room, which must have m·k elements and belongs to
// the result. The result is of use only while the instruction set is not changed.
func (on Workers) PackLeft(room []float32, m int, a []float32, rs, cs, k int) *Left {
	if len(room) < m*k || m > 0 && k > 0 && len(a) < (m-1)*rs+(k-1)*cs+1 {
		panic(fmt.Sprintf("kernels: PackLeft: room for %d and %d elements for [%d, %d], strides %d and %d", len(room), len(a), m, k, rs, cs))
	}
	tall := tallest()
	l := &Left{M: m, K: k, panels: (m + tall - 1) / tall, p: room[:m*k]}
	on.Each(l.panels, func(i int) {
		lo, hi := cut(m, l.panels, i), cut(m, l.panels, i+1)
		for k0 := 0; k0 < k; k0 += kcMax {
			kc := min(kcMax, k-k0)
			packA(l.p[m*k0+lo*kc:], a, lo, hi-lo, m, k0, kc, rs, cs)
		}
	})
	return l
}

// A Term is one product A·B of a sum.
type Term struct {
	A *Left
	B *Packed
}

// A Sum is C = Σ A·B over its terms, in their order, or C += that. C is [M, N], rows LDC apart.
type Sum struct {
	Terms []Term
	C     []float32
	LDC   int
	Add   bool
}

// tallShare is the fewest panels of A for which a worker expands panels of B by itself.
const tallShare = 8

// Sums computes sums that do not depend on one another. An element's products are added in an order that shapes fix.
func (on Workers) Sums(sums ...Sum) {
	pairs, flops := 0, 0
	for _, s := range sums {
		s.check()
		pairs += (s.Terms[0].B.panels() + 1) / 2
		for _, t := range s.Terms {
			flops += 2 * t.A.M * t.A.K * t.B.N
		}
	}
	t := int(on)
	if flops < 1<<20 {
		t = 1
	}
	list := portions(sums, t, pairs)
	all := tasks{n: len(list)}
	workers(t, func() {
		s := scratchPool.Get().(*scratch)
		defer scratchPool.Put(s)
		all.run(func(i int) { list[i].run(s) })
	})
}

// portion is one worker's part of a sum: pairs j0 to j1 of panels of B, panels i0 to i1 of A.
type portion struct {
	sum            *Sum
	j0, j1, i0, i1 int
}

// portions cuts sums of pairs panels of B in all into whole rounds of the threads. The last round is cut by rows as well, so that
// who is done early finds something to do; it expands B once more for each cut.
func portions(sums []Sum, threads, pairs int) (list []portion) {
	rounds := threads * ((pairs + threads*pairGroup - 1) / (threads * pairGroup))
	for i := range sums {
		u := &sums[i]
		own, panels := (u.Terms[0].B.panels()+1)/2, u.Terms[0].A.panels
		groups := max((own+pairGroup-1)/pairGroup, min(own, (own*rounds+pairs-1)/pairs))
		for g := range groups {
			list = append(list, portion{u, cut(own, groups, g), cut(own, groups, g+1), 0, panels})
		}
	}
	if threads == 1 {
		return list
	}
	whole := max(0, len(list)-threads)
	last := list[whole:]
	list = list[:whole:whole]
	for _, r := range last {
		parts := max(1, min(max(4, 4*threads/len(last)), r.i1/tallShare))
		for p := range parts {
			list = append(list, portion{r.sum, r.j0, r.j1, cut(r.i1, parts, p), cut(r.i1, parts, p+1)})
		}
	}
	return list
}

func (r *portion) run(s *scratch) {
	acc := r.sum.Add
	for _, t := range r.sum.Terms {
		a := stripe{t.A.p, t.A.M, t.A.panels, r.i0, r.i1, 0, t.A.K, r.sum.C, r.sum.LDC, acc}
		a.times(t.B, r.j0, r.j1, s)
		acc = true
	}
}

// check panics where shapes do not fit: the assembly knows no bounds.
func (u *Sum) check() {
	if len(u.Terms) == 0 {
		panic("kernels: Sums: no terms")
	}
	m, n := u.Terms[0].A.M, u.Terms[0].B.N
	if m > 0 && n > 0 && (len(u.C) < (m-1)*u.LDC+n || u.LDC < n && m > 1) {
		panic(fmt.Sprintf("kernels: Sums: C has %d elements and rows %d apart for [%d, %d]", len(u.C), u.LDC, m, n))
	}
	for _, t := range u.Terms {
		if t.A.M != m || t.B.N != n || t.A.K != t.B.K || t.A.K == 0 || len(t.B.f) < t.B.rawLen() {
			panic(fmt.Sprintf("kernels: Sums: [%d, %d] times [%d, %d] of %d elements in a sum of [%d, %d]", t.A.M, t.A.K, t.B.K, t.B.N, len(t.B.f), m, n))
		}
	}
}
