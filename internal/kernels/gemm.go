// Package kernels holds the numeric loops: slices and ints in, slices out, no tensors.
//
// Every kernel sums in an order that its operands' shapes fix, so results have the same bits
// for any number of threads. The matrix product follows BLIS: B in panels of 16 columns, A in
// panels of as many rows as the register tile has: 6x16 with AVX2, 14x32 (two panels) with AVX-512.
// Where assembly exists it is chosen at run time and tested against the plain Go kernel; the build
// tag purego leaves it out.
package kernels

//go:generate go run ./gen .

import (
	"fmt"
	"sync"
)

// scratch is what a worker needs for itself.
type scratch struct {
	b    [pairGroup][2 * nr * (kcMax + nr)]float32 // pairs of panels of B
	a    [rowGroup * maxTall * kcMax]float32       // panels of A
	tile [maxTall * nr]float32                     // also the two panels of a row, 2*nr
	t    [nr * nr]float32
}

// maxTall is the height of the tallest tile.
const maxTall = 14

var (
	scratchPool = sync.Pool{New: func() any { return new(scratch) }}
	packPool    sync.Pool
)

// getPack returns room for n packed numbers.
func getPack(n int) *[]float32 {
	if v, _ := packPool.Get().(*[]float32); v != nil && cap(*v) >= n {
		*v = (*v)[:n]
		return v
	}
	s := make([]float32, n)
	return &s
}

// Mul computes C = A·B, or C += A·B if accumulate. A is [m, B.K] with element (i, k) at
// a[i*rs+k*cs]; C is [m, B.N] with rows ldc apart.
func (on Workers) Mul(m int, a []float32, rs, cs int, b *Packed, c []float32, ldc int, accumulate bool) {
	if m == 0 || b.N == 0 {
		return
	}
	t := int(on)
	b.checkOperands(m, a, rs, cs, c, ldc)
	if b.K == 0 {
		for i := 0; i < m && !accumulate; i++ {
			clear(c[i*ldc:][:b.N])
		}
		return
	}
	if m == 1 && cs == 1 && b.takesRow() {
		gemv(min(t, rowThreads(t, b.N, b.K)), a, accumulate, Right{b, c})
		return
	}
	flops := 2 * m * b.N * b.K
	if flops < 1<<20 {
		t = 1
	}
	p := mulCall{t: t, m: m, a: a, rs: rs, cs: cs, b: b, c: c, ldc: ldc, accumulate: accumulate, tall: tallest()}
	if b.panels() <= tallPanels && m >= 2*p.tall*t {
		p.byRows()
		return
	}
	p.byColumns()
}

// checkOperands panics where an operand is shorter than its shape: the assembly knows no bounds.
func (b *Packed) checkOperands(m int, a []float32, rs, cs int, c []float32, ldc int) {
	if n := (m-1)*ldc + b.N; len(c) < n || ldc < b.N && m > 1 {
		panic(fmt.Sprintf("kernels: Mul: C has %d elements and rows %d apart for [%d, %d]", len(c), ldc, m, b.N))
	}
	if b.K == 0 {
		return
	}
	if n := (m-1)*rs + (b.K-1)*cs + 1; len(a) < n {
		panic(fmt.Sprintf("kernels: Mul: A has %d elements for [%d, %d], strides %d and %d", len(a), m, b.K, rs, cs))
	}
	if n := b.rawLen(); len(b.f) < n {
		panic(fmt.Sprintf("kernels: Mul: B has %d elements for %s, K %d, N %d, rows %d apart", len(b.f), b.Kind, b.K, b.N, b.ld))
	}
}
