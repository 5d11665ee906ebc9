//go:build amd64 && !purego

package kernels

import "unsafe"

//go:noescape
func gemvF322AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvF324AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvBF162AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvBF164AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvF162AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvF164AVX512(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvNF42AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvNF44AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvQ82AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc, ahead, turn, jump int)

//go:noescape
func gemvQ84AVX512(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc, ahead, turn, jump int)

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

// How many bytes of a panel are asked for before they are needed, found by trying: float32 passes through faster.
const (
	fetchAhead    = 2048
	fetchAheadF32 = 3072
)

// What the loops below read of a panel.
const (
	f32Rows       = 4 * 64
	halfRows      = 4 * 32
	nf4PanelBlock = 64 * 8
	q8Block       = 64 * 16
)

// fetching says what a row kernel asks for that does loops loops of so many bytes of each of n panels, while
// left loops of the panels are still to come: how far ahead, at how many loops left it turns to the next
// panels, and how far they are.
func fetching(loops, left, bytes, n, stride int) (ahead, turn, jump int) {
	ahead, jump = fetchAhead, (n-1)*stride
	if bytes == f32Rows {
		ahead = fetchAheadF32
	}
	turn = ahead/bytes - left
	if turn > loops {
		return ahead + jump, -1, 0
	}
	return ahead, turn, jump
}

// gemvRow multiplies x [k] with n panels of float32, bfloat16 or float16 (n is 2, or 4 if rowPanels says so), stride
// bytes apart, into y [16 n]. left rows of the panels are still to come.
func gemvRow(kind Kind, n, k, left int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	if !haveAVX512 {
		switch kind {
		case F32:
			gemvF32(k, x, b, stride, y, acc)
		case BF16:
			gemvBF16(k, x, b, stride, y, acc)
		default:
			gemvF16(k, x, b, stride, y, acc)
		}
		return
	}
	rows := halfRows
	if kind == F32 {
		rows = f32Rows
	}
	ahead, turn, jump := fetching(k/4, left/4, rows, n, stride)
	switch {
	case kind == F32 && n == 2:
		gemvF322AVX512(k, x, b, stride, y, acc, ahead, turn, jump)
	case kind == F32:
		gemvF324AVX512(k, x, b, stride, y, acc, ahead, turn, jump)
	case kind == BF16 && n == 2:
		gemvBF162AVX512(k, x, b, stride, y, acc, ahead, turn, jump)
	case kind == BF16:
		gemvBF164AVX512(k, x, b, stride, y, acc, ahead, turn, jump)
	case n == 2:
		gemvF162AVX512(k, x, b, stride, y, acc, ahead, turn, jump)
	default:
		gemvF164AVX512(k, x, b, stride, y, acc, ahead, turn, jump)
	}
}

// gemvBlocks is gemvRow for nblk blocks of 64 rows of NF4 or Q8, whose scales are sstride bytes apart; left counts blocks.
func gemvBlocks(kind Kind, n, nblk, left int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	switch {
	case !haveAVX512 && kind == NF4:
		gemvNF4(nblk, x, b, stride, s, sstride, y, acc)
	case !haveAVX2:
		gemvQ8Go(nblk, x, b, stride, s, sstride, y, acc)
	case !haveAVX512:
		gemvQ8AVX2(nblk, x, b, stride, s, sstride, y, acc)
	case kind == NF4 && n == 2:
		ahead, turn, jump := fetching(nblk, left, nf4PanelBlock, n, stride)
		gemvNF42AVX512(nblk, x, b, stride, s, sstride, y, acc, ahead, turn, jump)
	case kind == NF4:
		ahead, turn, jump := fetching(nblk, left, nf4PanelBlock, n, stride)
		gemvNF44AVX512(nblk, x, b, stride, s, sstride, y, acc, ahead, turn, jump)
	case n == 2:
		ahead, turn, jump := fetching(nblk, left, q8Block, n, stride)
		gemvQ82AVX512(nblk, x, b, stride, s, sstride, y, acc, ahead, turn, jump)
	default:
		ahead, turn, jump := fetching(nblk, left, q8Block, n, stride)
		gemvQ84AVX512(nblk, x, b, stride, s, sstride, y, acc, ahead, turn, jump)
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
