//go:build amd64 && !purego

package kernels

import (
	"os"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// haveAVX2 and haveAVX512 choose the assembly at run time; the plain Go kernels run without it. Both
// say that the operating system saves the registers too (XCR0). MOSLAVA_ISA lowers them.
var (
	haveAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C && isaCap() >= isaAVX2
	haveAVX512 = haveAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && isaCap() >= isaAVX512
)

const (
	isaPlain = iota
	isaAVX2
	isaAVX512
)

// isaCap is the best instruction set that MOSLAVA_ISA admits; CheckISA says what is wrong with other values.
func isaCap() int {
	switch os.Getenv(isaVariable) {
	case "plain":
		return isaPlain
	case "avx2":
		return isaAVX2
	}
	return isaAVX512
}

// isas are the values of MOSLAVA_ISA, from the plainest to the best.
var isas = []string{"plain", "avx2", "avx512"}

// ISA names the instruction set of the kernels in use.
func ISA() string {
	switch {
	case haveAVX512:
		return "avx512"
	case haveAVX2:
		return "avx2"
	}
	return "plain"
}

//go:noescape
func peakAVX2(n int)

//go:noescape
func peakAVX512(n int)

// peak runs n steps of the best loop of fused multiply-adds and returns the operations of a step.
func peak(n int) int {
	switch {
	case haveAVX512:
		peakAVX512(n)
		return 2 * 16 * 24
	case haveAVX2:
		peakAVX2(n)
		return 2 * 8 * 12
	}
	return peakGo(n)
}

//go:noescape
func micro16AVX2(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc int)

//go:noescape
func micro16AVX512(k, rows int, a *float32, b, b2 unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc, mask int)

//go:noescape
func micro32AVX512(k, rows int, a *float32, b, b2 unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc, mask int)

//go:noescape
func bf16ExpandAVX512(k int, b unsafe.Pointer, dst *float32)

//go:noescape
func nf4ExpandAVX512(nblk, pairs int, q *byte, s, dst *float32)

//go:noescape
func gemvF32AVX2(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)

//go:noescape
func gemvBF16AVX2(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)

//go:noescape
func gemvF16AVX2(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)

//go:noescape
func f16ExpandAVX2(k int, b unsafe.Pointer, dst *float32)

//go:noescape
func f16ExpandAVX512(k int, b unsafe.Pointer, dst *float32)

//go:noescape
func f16NarrowAVX2(k int, src *float32, b unsafe.Pointer)

//go:noescape
func nf4DequantAVX2(nblk int, q *byte, s *float32, dst *float32)

//go:noescape
func gemvNF4AVX2(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)

//go:noescape
func bf16ExpandAVX2(k int, b unsafe.Pointer, dst *float32)

//go:noescape
func packT8AVX2(nb int, src unsafe.Pointer, lds int, dst *float32, ldd int)

//go:noescape
func expSumAVX2(n8 int, src, dst *float32, sub float32) float32

//go:noescape
func nf4DequantNAVX2(npairs int, q *byte, s *float32, dst *float32)

//go:noescape
func copyRowsAVX512(rows int, src *float32, lds int, dst *float32, ldd, mask int)

//go:noescape
func fillRowsAVX512(rows int, src *float32, lds int, dst *float32, ldd, mask int)

// copyRows copies rows of n <= 16 numbers, lds apart, to rows ldd apart.
func copyRows(rows, n int, src []float32, lds int, dst []float32, ldd int) {
	if rows == 0 {
		return
	}
	if !haveAVX512 {
		copyRowsGo(rows, n, src, lds, dst, ldd)
		return
	}
	_, _ = src[(rows-1)*lds+n-1], dst[(rows-1)*ldd+n-1]
	copyRowsAVX512(rows, &src[0], lds, &dst[0], ldd, 1<<n-1)
}

// fillRows is copyRows into rows of 16, zero after the n numbers.
func fillRows(rows, n int, src []float32, lds int, dst []float32) {
	if rows == 0 {
		return
	}
	if !haveAVX512 {
		fillRowsGo(rows, n, src, lds, dst)
		return
	}
	_, _ = src[(rows-1)*lds+n-1], dst[rows*nr-1]
	fillRowsAVX512(rows, &src[0], lds, &dst[0], nr, 1<<n-1)
}

// tallest is the height of the register tile in use.
func tallest() int {
	if haveAVX512 {
		return 14
	}
	return 6
}

// tile multiplies a panel of A [k, rows] with one or two panels of B [k, 16] into n <= 32 columns of C.
// What lies at next is prefetched.
func tile(k, rows int, a *float32, b, b2 unsafe.Pointer, c []float32, ldc, n int, next unsafe.Pointer, acc int, s *scratch) {
	switch {
	case haveAVX512 && n > nr:
		micro32AVX512(k, rows, a, b, b2, &c[0], ldc, next, acc, 1<<n-1)
	case haveAVX512:
		micro16AVX512(k, rows, a, b, nil, &c[0], ldc, next, acc, 1<<n-1)
	default:
		tiles16(k, rows, a, b, b2, c, ldc, n, next, acc, s)
	}
}

func micro16(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc int) {
	if haveAVX2 {
		micro16AVX2(k, rows, a, b, c, ldc, next, acc)
	} else {
		micro16Go(k, rows, a, b, c, ldc, acc)
	}
}

func gemvF32(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	if haveAVX2 {
		gemvF32AVX2(k, x, b, stride, y, acc)
	} else {
		gemvF32Go(k, x, b, stride, y, acc)
	}
}

func gemvBF16(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	if haveAVX2 {
		gemvBF16AVX2(k, x, b, stride, y, acc)
	} else {
		gemvBF16Go(k, x, b, stride, y, acc)
	}
}

func gemvF16(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	if haveAVX2 {
		gemvF16AVX2(k, x, b, stride, y, acc)
	} else {
		gemvF16Go(k, x, b, stride, y, acc)
	}
}

func gemvNF4(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	if haveAVX2 {
		gemvNF4AVX2(nblk, x, b, stride, s, sstride, y, acc)
	} else {
		gemvNF4Go(nblk, x, b, stride, s, sstride, y, acc)
	}
}

func nf4Dequant(nblk int, q *byte, s *float32, dst *float32) {
	if haveAVX512 {
		nf4ExpandAVX512(nblk, 32, q, s, dst)
	} else if haveAVX2 {
		nf4DequantAVX2(nblk, q, s, dst)
	} else {
		nf4DequantGo(nblk, q, s, dst)
	}
}

func nf4DequantN(npairs int, q *byte, s *float32, dst *float32) {
	if haveAVX512 {
		nf4ExpandAVX512(1, npairs, q, s, dst)
	} else if haveAVX2 {
		nf4DequantNAVX2(npairs, q, s, dst)
	} else {
		nf4DequantNGo(npairs, q, s, dst)
	}
}

func bf16Expand(k int, b unsafe.Pointer, dst *float32) {
	if haveAVX512 {
		bf16ExpandAVX512(k, b, dst)
	} else if haveAVX2 {
		bf16ExpandAVX2(k, b, dst)
	} else {
		bf16ExpandGo(k, b, dst)
	}
}

func f16Expand(k int, b unsafe.Pointer, dst *float32) {
	if haveAVX512 {
		f16ExpandAVX512(k, b, dst)
	} else if haveAVX2 {
		f16ExpandAVX2(k, b, dst)
	} else {
		f16ExpandGo(k, b, dst)
	}
}

func f16Narrow(k int, src *float32, b unsafe.Pointer) {
	if haveAVX2 {
		f16NarrowAVX2(k, src, b)
	} else {
		f16NarrowGo(k, src, b)
	}
}

func packT8(nb int, src unsafe.Pointer, lds int, dst *float32, ldd int) {
	if haveAVX2 {
		packT8AVX2(nb, src, lds, dst, ldd)
	} else {
		packT8Go(nb, src, lds, dst, ldd)
	}
}

//go:noescape
func expSumAVX512(n8 int, src, dst *float32, sub float32) float32

func expSum(n8 int, src, dst *float32, sub float32) float32 {
	if haveAVX512 {
		return expSumAVX512(n8, src, dst, sub)
	}
	if haveAVX2 {
		return expSumAVX2(n8, src, dst, sub)
	}
	return expSumGo(n8, src, dst, sub)
}
