// Plain Go reference of every kernel that has an assembly form. It is what runs
// where there is none, and what the assembly is tested against.

package kernels

import (
	"math"
	"unsafe"
)

func fs(p *float32, n int) []float32 { return unsafe.Slice(p, n) }

func kern6x16F32Go(k int, a *float32, b unsafe.Pointer, c *float32, ldc int, _ unsafe.Pointer, acc int) {
	A, B, C := fs(a, k*mr), fs((*float32)(b), k*nr), fs(c, 5*ldc+nr)
	for i := 0; i < mr; i++ { // two half rows keep 8 accumulators in registers
		for h := 0; h < nr; h += 8 {
			var s0, s1, s2, s3, s4, s5, s6, s7 float32
			for l := 0; l < k; l++ {
				v := A[l*mr+i]
				r := (*[8]float32)(B[l*nr+h:])
				s0 += v * r[0]
				s1 += v * r[1]
				s2 += v * r[2]
				s3 += v * r[3]
				s4 += v * r[4]
				s5 += v * r[5]
				s6 += v * r[6]
				s7 += v * r[7]
			}
			d := (*[8]float32)(C[i*ldc+h:])
			if acc != 0 {
				d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7] = d[0]+s0, d[1]+s1, d[2]+s2, d[3]+s3, d[4]+s4, d[5]+s5, d[6]+s6, d[7]+s7
			} else {
				*d = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
			}
		}
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

func gemvF32Go(k int, x *float32, b unsafe.Pointer, y *float32) {
	X, B, Y := fs(x, k), fs((*float32)(b), k*nr), fs(y, nr)
	clear(Y)
	for l, v := range X {
		for i := 0; i < nr; i++ {
			Y[i] += v * B[l*nr+i]
		}
	}
}

func gemvBF16Go(k int, x *float32, b unsafe.Pointer, y *float32) {
	t := make([]float32, k*nr)
	bf16ExpandGo(k, b, &t[0])
	gemvF32Go(k, x, unsafe.Pointer(&t[0]), y)
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

func gemvNF4Go(nb int, x *float32, q *byte, s *float32, y *float32) {
	t := make([]float32, nb*64*nr)
	nf4DequantGo(nb, q, s, &t[0])
	gemvF32Go(nb*64, x, unsafe.Pointer(&t[0]), y)
}

func packT8Go(nb int, src unsafe.Pointer, lds int, dst *float32, ldd int) {
	for b := 0; b < nb*8; b++ {
		for j := 0; j < 8; j++ {
			*(*float32)(unsafe.Add(unsafe.Pointer(dst), b*ldd+j*4)) = *(*float32)(unsafe.Add(src, j*lds+b*4))
		}
	}
}

func expSumGo(n8 int, src, dst *float32, sub float32) float32 {
	S, D := fs(src, n8*8), fs(dst, n8*8)
	var t float32
	for i, v := range S {
		D[i] = float32(math.Exp(float64(v - sub)))
		t += D[i]
	}
	return t
}
