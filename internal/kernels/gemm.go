// Package kernels holds the numeric loops: slices and ints in, slices out, no tensors.
//
// Every kernel sums in an order that its operands' shapes fix, so results have the same bits
// for any number of threads. The matrix product follows BLIS: B in panels of 16 columns, A in
// panels of 6 rows, a 6x16 register tile. Where assembly exists it is chosen at run time and
// tested against the plain Go kernel; the build tag purego leaves it out.
package kernels

//go:generate sh -c "go run ./gen > kern_amd64.s"
//go:generate sh -c "go run ./gen avx512 > kern_avx512_amd64.s"

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"
)

type scratch struct {
	b    [nr * (kcMax + nr)]float32
	tile [mr * nr]float32 // also the two panels of a row, 2*nr
	t    [nr * nr]float32
}

var (
	scratchPool = sync.Pool{New: func() any { return new(scratch) }}
	aPool       sync.Pool
)

func getA(n int) *[]float32 {
	if v, _ := aPool.Get().(*[]float32); v != nil && cap(*v) >= n {
		*v = (*v)[:n]
		return v
	}
	s := make([]float32, n)
	return &s
}

// Mul computes C = A·B, or C += A·B if accumulate. A is [m, B.K] with element (i, k) at
// a[i*rs+k*cs]; C is [m, B.N] with rows ldc apart.
func Mul(m int, a []float32, rs, cs int, b *Packed, c []float32, ldc int, accumulate bool) {
	if m == 0 || b.N == 0 {
		return
	}
	mul(Threads(), m, a, rs, cs, b, c, ldc, accumulate)
}

// mul1 is Mul on the calling goroutine alone.
func mul1(m int, a []float32, rs, cs int, b *Packed, c []float32, ldc int, accumulate bool) {
	mul(1, m, a, rs, cs, b, c, ldc, accumulate)
}

func mul(t, m int, a []float32, rs, cs int, b *Packed, c []float32, ldc int, accumulate bool) {
	b.checkOperands(m, a, rs, cs, c, ldc)
	flops := 2 * m * b.N * b.K
	if flops < 1<<20 {
		t = 1
	}
	if t > 1 && b.panels() < 8*t && m >= 2*mr*t {
		mulTall(t, m, a, rs, cs, b, c, ldc, accumulate)
		return
	}
	if m == 1 && cs == 1 && !b.trans && b.Kind <= NF4 && b.K > 0 {
		gemv(t, a, b, c, accumulate)
		return
	}
	mulBlocks(t, m, a, rs, cs, b, c, ldc, accumulate)
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

// mulTall splits the rows of C: with a skinny B (an adapter) there are too few panels to share out.
func mulTall(t, m int, a []float32, rs, cs int, b *Packed, c []float32, ldc int, accumulate bool) {
	rows := max(mr, (m/(t*4)+mr-1)/mr*mr)
	Rows(m, rows, func(lo, hi int) {
		mulBlocks(1, hi-lo, a[lo*rs:], rs, cs, b, c[lo*ldc:], ldc, accumulate)
	})
}

func mulBlocks(t, m int, a []float32, rs, cs int, b *Packed, c []float32, ldc int, accumulate bool) {
	mp, np := (m+mr-1)/mr, b.panels()
	ap := getA(mp * mr * min(kcMax, b.K))
	defer aPool.Put(ap)
	for k0 := 0; k0 < b.K; k0 += kcMax {
		kc := min(kcMax, b.K-k0)
		packA(t, *ap, a, m, mp, k0, kc, rs, cs)
		acc := accumulate || k0 > 0
		if t == 1 {
			s := scratchPool.Get().(*scratch)
			for j := range np {
				macro(m, mp, *ap, b, j, k0, kc, c, ldc, acc, s)
			}
			scratchPool.Put(s)
			continue
		}
		chunk := min(32, max(1, np/(t*8)))
		var next atomic.Int64
		workers(t, func() {
			s := scratchPool.Get().(*scratch)
			defer scratchPool.Put(s)
			for {
				j := int(next.Add(int64(chunk))) - chunk
				if j >= np {
					return
				}
				for ; j < np; j++ {
					macro(m, mp, *ap, b, j, k0, kc, c, ldc, acc, s)
					if (j+1)%chunk == 0 {
						break
					}
				}
			}
		})
	}
	if b.K == 0 && !accumulate {
		for i := range m {
			clear(c[i*ldc:][:b.N])
		}
	}
}

func packA(t int, dst, a []float32, m, mp, k0, kc, rs, cs int) {
	if t == 1 || mp*kc < 8192 {
		for p := range mp {
			packAPanel(dst, a, m, p, k0, kc, rs, cs)
		}
		return
	}
	Rows(mp, 4, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			packAPanel(dst, a, m, p, k0, kc, rs, cs)
		}
	})
}

// packAPanel packs rows p*6.. and columns k0..k0+kc of a into a [kc, 6] panel; missing rows are zero.
func packAPanel(dst, a []float32, m, p, k0, kc, rs, cs int) {
	d := dst[p*mr*kc : (p+1)*mr*kc]
	i0 := p * mr
	if i0+8 <= m && cs == 1 && kc > 8 {
		// Eight rows are transposed where six are wanted: rows of the panel are written in order, each
		// over the surplus of the one before. The last are left to the loop below.
		n := (kc - 1) / 8 * 8
		_ = a[(i0+7)*rs+k0+n-1]
		packT8(n/8, unsafe.Pointer(&a[i0*rs+k0]), rs*4, &d[0], mr*4)
		k0, kc, d = k0+n, kc-n, d[n*mr:]
	}
	if i0+mr <= m && cs == 1 {
		r0, r1, r2 := a[(i0+0)*rs+k0:][:kc], a[(i0+1)*rs+k0:][:kc], a[(i0+2)*rs+k0:][:kc]
		r3, r4, r5 := a[(i0+3)*rs+k0:][:kc], a[(i0+4)*rs+k0:][:kc], a[(i0+5)*rs+k0:][:kc]
		for k := range kc {
			t := (*[mr]float32)(d[k*mr:])
			t[0], t[1], t[2], t[3], t[4], t[5] = r0[k], r1[k], r2[k], r3[k], r4[k], r5[k]
		}
		return
	}
	if i0+mr <= m && rs == 1 {
		for k := range kc {
			*(*[mr]float32)(d[k*mr:]) = *(*[mr]float32)(a[i0+(k0+k)*cs:])
		}
		return
	}
	for i := range mr {
		if i0+i >= m {
			for k := range kc {
				d[k*mr+i] = 0
			}
			continue
		}
		o := (i0+i)*rs + k0*cs
		for k := range kc {
			d[k*mr+i] = a[o]
			o += cs
		}
	}
}

// macro multiplies all packed rows of A with panel j of B.
func macro(m, mp int, ap []float32, b *Packed, j, k0, kc int, c []float32, ldc int, acc bool, s *scratch) {
	bp, next, nextBytes := b.panel(j, k0, kc, s)
	n0 := j * nr
	nw := min(nr, b.N-n0)
	flag := 0
	if acc {
		flag = 1
	}
	ahead, step := uintptr(0), uintptr((kc+3)/4*64)
	for p := range mp {
		nx := bp
		if ahead < nextBytes {
			nx = unsafe.Add(next, ahead)
			ahead += step
		}
		ai, i0 := &ap[p*mr*kc], p*mr
		if i0+mr <= m && nw == nr {
			kern6x16F32(kc, ai, bp, &c[i0*ldc+n0], ldc, nx, flag)
			continue
		}
		kern6x16F32(kc, ai, bp, &s.tile[0], nr, nx, 0)
		for i := 0; i < mr && i0+i < m; i++ {
			row, t := c[(i0+i)*ldc+n0:][:nw], s.tile[i*nr:][:nw]
			if !acc {
				copy(row, t)
				continue
			}
			for x := range row {
				row[x] += t[x]
			}
		}
	}
}
