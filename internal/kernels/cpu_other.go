//go:build (!amd64 && !arm64) || purego

package kernels

import "unsafe"

// ISA names the instruction set of the kernels in use.
func ISA() string { return "plain" }

// isas are the values of MOSLAVA_ISA.
var isas = []string{"plain"}

func peak(n int) int { return peakGo(n) }

func copyRows(rows, n int, src []float32, lds int, dst []float32, ldd int) {
	copyRowsGo(rows, n, src, lds, dst, ldd)
}

func fillRows(rows, n int, src []float32, lds int, dst []float32) { fillRowsGo(rows, n, src, lds, dst) }

// tallest is the height of the register tile in use.
func tallest() int { return 6 }

func tile(k, rows int, a *float32, b, b2 unsafe.Pointer, c []float32, ldc, n int, next unsafe.Pointer, acc int, s *scratch) {
	tiles16(k, rows, a, b, b2, c, ldc, n, next, acc, s)
}

func micro16(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc int, _ unsafe.Pointer, acc int) {
	micro16Go(k, rows, a, b, c, ldc, acc)
}

func gemvF32(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	gemvF32Go(k, x, b, stride, y, acc)
}
func gemvBF16(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	gemvBF16Go(k, x, b, stride, y, acc)
}
func gemvNF4(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	gemvNF4Go(nblk, x, b, stride, s, sstride, y, acc)
}
func nf4Dequant(nblk int, q *byte, s *float32, dst *float32) { nf4DequantGo(nblk, q, s, dst) }
func nf4DequantN(npairs int, q *byte, s *float32, dst *float32) {
	nf4DequantNGo(npairs, q, s, dst)
}
func bf16Expand(k int, b unsafe.Pointer, dst *float32) { bf16ExpandGo(k, b, dst) }
func f16Expand(k int, b unsafe.Pointer, dst *float32)  { f16ExpandGo(k, b, dst) }
func f16Narrow(k int, src *float32, b unsafe.Pointer)  { f16NarrowGo(k, src, b) }
func packT8(nb int, src unsafe.Pointer, lds int, dst *float32, ldd int) {
	packT8Go(nb, src, lds, dst, ldd)
}
func expSum(n8 int, src, dst *float32, sub float32) float32 { return expSumGo(n8, src, dst, sub) }
