// Plain Go reference of every kernel that has an assembly form. It is what runs
// where there is none, and what the assembly is tested against.

package kernels

import (
	"math"
	"unsafe"
)

func fs(p *float32, n int) []float32 { return unsafe.Slice(p, n) }

// columns8 returns Σ a[l*step]·b[l*16+i] for eight columns i, each summed in one chain. Every plain
// product goes through it, so that a row has the same bits in all of them.
func columns8(k int, a []float32, step int, b []float32) (s [8]float32) {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for l := range k {
		v := a[l*step]
		r := (*[8]float32)(b[l*nr:])
		s0 += v * r[0]
		s1 += v * r[1]
		s2 += v * r[2]
		s3 += v * r[3]
		s4 += v * r[4]
		s5 += v * r[5]
		s6 += v * r[6]
		s7 += v * r[7]
	}
	return [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
}

// store sets dst = s, or dst += s if acc is not 0.
func store(dst []float32, s [8]float32, acc int) {
	if acc == 0 {
		copy(dst, s[:])
		return
	}
	for i, v := range s {
		dst[i] += v
	}
}

func micro16Go(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc, acc int) {
	A, B, C := fs(a, k*rows), fs((*float32)(b), k*nr), fs(c, (rows-1)*ldc+nr)
	for i := range rows {
		for h := 0; h < nr; h += 8 {
			store(C[i*ldc+h:][:8], columns8(k, A[i:], rows, B[h:]), acc)
		}
	}
}

// tiles16 is tile by way of micro16, which writes 16 columns; where there are fewer it writes aside.
func tiles16(k, rows int, a *float32, b, b2 unsafe.Pointer, c []float32, ldc, n int, next unsafe.Pointer, acc int, s *scratch) {
	for at := 0; at < n; at += nr {
		if at > 0 {
			b, next = b2, b2
		}
		if n-at >= nr {
			micro16(k, rows, a, b, &c[at], ldc, next, acc)
			continue
		}
		micro16(k, rows, a, b, &s.tile[0], nr, next, 0)
		for i := range rows {
			row, t := c[i*ldc+at:][:n-at], s.tile[i*nr:][:n-at]
			if acc == 0 {
				copy(row, t)
				continue
			}
			for x := range row {
				row[x] += t[x]
			}
		}
	}
}

func copyRowsGo(rows, n int, src []float32, lds int, dst []float32, ldd int) {
	for k := range rows {
		copy(dst[k*ldd:][:n], src[k*lds:][:n])
	}
}

func fillRowsGo(rows, n int, src []float32, lds int, dst []float32) {
	if n == nr {
		for k := range rows {
			*(*[nr]float32)(dst[k*nr:]) = *(*[nr]float32)(src[k*lds:])
		}
		return
	}
	for k := range rows {
		copy(dst[k*nr:][:n], src[k*lds:][:n])
		clear(dst[k*nr+n:][:nr-n])
	}
}

func bf16ExpandGo(k int, b unsafe.Pointer, dst *float32) {
	B, D := unsafe.Slice((*uint32)(b), k*8), fs(dst, k*nr)
	for l := 0; l < k; l++ {
		for i := 0; i < 8; i++ {
			D[l*nr+i] = math.Float32frombits(B[l*8+i] << 16)
			D[l*nr+8+i] = math.Float32frombits(B[l*8+i] & 0xffff0000)
		}
	}
}

// gemvF32Go multiplies x [k] with two panels, the second stride bytes after the first, into y [32].
func gemvF32Go(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	X, Y := fs(x, k), fs(y, 2*nr)
	for h := 0; h < 2*nr; h += 8 {
		B := fs((*float32)(unsafe.Add(b, h/nr*stride)), k*nr)
		store(Y[h:][:8], columns8(k, X, 1, B[h%nr:]), acc)
	}
}

func gemvBF16Go(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	t := make([]float32, 2*k*nr)
	for i := range 2 {
		bf16ExpandGo(k, unsafe.Add(b, i*stride), &t[i*k*nr])
	}
	gemvF32Go(k, x, unsafe.Pointer(&t[0]), k*nr*4, y, acc)
}

// gemvNF4Go is gemvF32Go for nb blocks of 64 rows; sstride is the distance of the scales in bytes.
func gemvNF4Go(nb int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	k := nb * 64
	t := make([]float32, 2*k*nr)
	for i := range 2 {
		nf4DequantGo(nb, (*byte)(unsafe.Add(b, i*stride)), (*float32)(unsafe.Add(unsafe.Pointer(s), i*sstride)), &t[i*k*nr])
	}
	gemvF32Go(k, x, unsafe.Pointer(&t[0]), k*nr*4, y, acc)
}

func nf4DequantNGo(np int, q *byte, s *float32, dst *float32) {
	Q, S, D := unsafe.Slice(q, np*16), fs(s, nr), fs(dst, np*2*nr)
	for p := 0; p < np; p++ {
		for i := 0; i < nr; i++ {
			c := Q[p*16+i]
			D[2*p*nr+i] = nf4tab[c&15] * S[i]
			D[(2*p+1)*nr+i] = nf4tab[c>>4] * S[i]
		}
	}
}

func nf4DequantGo(nb int, q *byte, s *float32, dst *float32) {
	Q, S, D := unsafe.Slice(q, nb*512), fs(s, nb*nr), fs(dst, nb*64*nr)
	for b := 0; b < nb; b++ {
		nf4DequantNGo(32, &Q[b*512], &S[b*nr], &D[b*64*nr])
	}
}

func packT8Go(nb int, src unsafe.Pointer, lds int, dst *float32, ldd int) {
	for b := 0; b < nb*8; b++ {
		for j := 0; j < 8; j++ {
			*(*float32)(unsafe.Add(unsafe.Pointer(dst), b*ldd+j*4)) = *(*float32)(unsafe.Add(src, j*lds+b*4))
		}
	}
}

// The exponents between which exp is neither 0 nor infinite: where 2^n takes n = -127 and n = 128.
const expMin, expMax = -126.5 * math.Ln2, 127.5 * math.Ln2

func expSumGo(n8 int, src, dst *float32, sub float32) float32 {
	S, D := fs(src, n8*8), fs(dst, n8*8)
	var t float32
	for i, v := range S {
		switch x := float64(v - sub); {
		case x > expMax:
			D[i] = float32(math.Inf(1))
		case x < expMin:
			D[i] = 0
		default:
			D[i] = float32(math.Exp(x))
		}
		t += D[i]
	}
	return t
}

func maxGo(x []float32) float32 {
	m := x[0]
	for _, v := range x[1:] {
		m = max(m, v)
	}
	return m
}
