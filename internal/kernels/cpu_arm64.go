//go:build arm64 && !purego

package kernels

import (
	"math"
	"os"
	"unsafe"
)

// haveNEON is false in tests of the plain kernels; every arm64 processor has it.
var haveNEON = os.Getenv(isaVariable) != "plain"

// isas are the values of MOSLAVA_ISA, from the plainest to the best.
var isas = []string{"plain", "neon"}

// ISA names the instruction set of the kernels in use.
func ISA() string {
	if haveNEON {
		return "neon"
	}
	return "plain"
}

//go:noescape
func micro16NEON(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc int)

//go:noescape
func bf16ExpandNEON(k int, b unsafe.Pointer, dst *float32)

//go:noescape
func f16ExpandNEON(k int, b unsafe.Pointer, dst *float32)

//go:noescape
func expSumNEON(n8 int, src, dst *float32, table *[13]float32, sub float32, out *[4]float32)

//go:noescape
func peakNEON(n int)

func peak(n int) int {
	if !haveNEON {
		return peakGo(n)
	}
	peakNEON(n)
	return 2 * 4 * 24
}

// tallest is the height of the register tile in use.
func tallest() int { return 6 }

func tile(k, rows int, a *float32, b, b2 unsafe.Pointer, c []float32, ldc, n int, next unsafe.Pointer, acc int, s *scratch) {
	tiles16(k, rows, a, b, b2, c, ldc, n, next, acc, s)
}

func micro16(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc int) {
	if haveNEON {
		micro16NEON(k, rows, a, b, c, ldc, next, acc)
	} else {
		micro16Go(k, rows, a, b, c, ldc, acc)
	}
}

func copyRows(rows, n int, src []float32, lds int, dst []float32, ldd int) {
	copyRowsGo(rows, n, src, lds, dst, ldd)
}

func fillRows(rows, n int, src []float32, lds int, dst []float32) { fillRowsGo(rows, n, src, lds, dst) }

// A row is a tile of one row, so that it is summed as among others.
func gemvF32(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	if !haveNEON {
		gemvF32Go(k, x, b, stride, y, acc)
		return
	}
	micro16NEON(k, 1, x, b, y, 0, b, acc)
	b = unsafe.Add(b, stride)
	micro16NEON(k, 1, x, b, (*float32)(unsafe.Add(unsafe.Pointer(y), nr*4)), 0, b, acc)
}

func gemvBF16(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	if !haveNEON {
		gemvBF16Go(k, x, b, stride, y, acc)
		return
	}
	t := getFloats(2 * k * nr)
	defer floatPool.Put(t)
	bf16ExpandNEON(k, b, &(*t)[0])
	bf16ExpandNEON(k, unsafe.Add(b, stride), &(*t)[k*nr])
	gemvF32(k, x, unsafe.Pointer(&(*t)[0]), k*nr*4, y, acc)
}

func gemvNF4(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	if !haveNEON {
		gemvNF4Go(nblk, x, b, stride, s, sstride, y, acc)
		return
	}
	k := nblk * 64
	t := getFloats(2 * k * nr)
	defer floatPool.Put(t)
	nf4DequantGo(nblk, (*byte)(b), s, &(*t)[0])
	nf4DequantGo(nblk, (*byte)(unsafe.Add(b, stride)), (*float32)(unsafe.Add(unsafe.Pointer(s), sstride)), &(*t)[k*nr])
	gemvF32(k, x, unsafe.Pointer(&(*t)[0]), k*nr*4, y, acc)
}

func nf4Dequant(nblk int, q *byte, s *float32, dst *float32)    { nf4DequantGo(nblk, q, s, dst) }
func nf4DequantN(npairs int, q *byte, s *float32, dst *float32) { nf4DequantNGo(npairs, q, s, dst) }

func bf16Expand(k int, b unsafe.Pointer, dst *float32) {
	if haveNEON {
		bf16ExpandNEON(k, b, dst)
	} else {
		bf16ExpandGo(k, b, dst)
	}
}

func f16Expand(k int, b unsafe.Pointer, dst *float32) {
	if haveNEON {
		f16ExpandNEON(k, b, dst)
	} else {
		f16ExpandGo(k, b, dst)
	}
}

func f16Narrow(k int, src *float32, b unsafe.Pointer) { f16NarrowGo(k, src, b) }

func packT8(nb int, src unsafe.Pointer, lds int, dst *float32, ldd int) {
	packT8Go(nb, src, lds, dst, ldd)
}

// expTable has the constants of exp as gen/elem.go explains them; the last is 127 as an integer.
var expTable = [13]float32{-88, 89, 1.44269504088896341, 0.693359375, -2.12194440e-4, 1.9875691500e-4, 1.3981999507e-3,
	8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, math.Float32frombits(127)}

func expSum(n8 int, src, dst *float32, sub float32) float32 {
	if !haveNEON {
		return expSumGo(n8, src, dst, sub)
	}
	var out [4]float32
	expSumNEON(n8, src, dst, &expTable, sub, &out)
	return out[0] + out[1] + (out[2] + out[3])
}
