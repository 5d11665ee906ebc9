//go:build amd64 && !purego

package kernels

import "unsafe"

//go:noescape
func gemvF322AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)

//go:noescape
func gemvF324AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)

//go:noescape
func gemvBF162AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)

//go:noescape
func gemvBF164AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)

//go:noescape
func gemvNF42AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)

//go:noescape
func gemvNF44AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)

//go:noescape
func gemvQ82AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)

//go:noescape
func gemvQ84AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)

//go:noescape
func gemvQ8AVX2(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)

//go:noescape
func q8ExpandAVX2(nblk, rows int, q *byte, s, dst *float32)

//go:noescape
func q8ExpandAVX512(nblk, rows int, q *byte, s, dst *float32)

// rowPanels is how many panels a row kernel takes at most.
func rowPanels() int {
	if haveAVX512 {
		return 4
	}
	return 2
}

// gemvRow multiplies x [k] with n panels of float32 or bfloat16 (n is 2, or 4 if rowPanels says so), stride
// bytes apart, into y [16 n].
func gemvRow(kind Kind, n, k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	switch {
	case !haveAVX512 && kind == F32:
		gemvF32(k, x, b, stride, y, acc)
	case !haveAVX512:
		gemvBF16(k, x, b, stride, y, acc)
	case kind == F32 && n == 2:
		gemvF322AVX512(k, x, b, stride, y, acc)
	case kind == F32:
		gemvF324AVX512(k, x, b, stride, y, acc)
	case n == 2:
		gemvBF162AVX512(k, x, b, stride, y, acc)
	default:
		gemvBF164AVX512(k, x, b, stride, y, acc)
	}
}

// gemvBlocks is gemvRow for nblk blocks of 64 rows of NF4 or Q8, whose scales are sstride bytes apart.
func gemvBlocks(kind Kind, n, nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	switch {
	case !haveAVX512 && kind == NF4:
		gemvNF4(nblk, x, b, stride, s, sstride, y, acc)
	case !haveAVX2:
		gemvQ8Go(nblk, x, b, stride, s, sstride, y, acc)
	case !haveAVX512:
		gemvQ8AVX2(nblk, x, b, stride, s, sstride, y, acc)
	case kind == NF4 && n == 2:
		gemvNF42AVX512(nblk, x, b, stride, s, sstride, y, acc)
	case kind == NF4:
		gemvNF44AVX512(nblk, x, b, stride, s, sstride, y, acc)
	case n == 2:
		gemvQ82AVX512(nblk, x, b, stride, s, sstride, y, acc)
	default:
		gemvQ84AVX512(nblk, x, b, stride, s, sstride, y, acc)
	}
}

// q8Expand writes nblk blocks of rows rows, 64 if there are more than one, as [rows, 16] floats each.
func q8Expand(nblk, rows int, q *byte, s, dst *float32) {
	switch {
	case haveAVX512:
		q8ExpandAVX512(nblk, rows, q, s, dst)
	case haveAVX2:
		q8ExpandAVX2(nblk, rows, q, s, dst)
	default:
		q8ExpandGo(nblk, rows, q, s, dst)
	}
}
