//go:build !amd64 || purego

package kernels

import "unsafe"

// rowPanels is how many panels a row kernel takes at most.
func rowPanels() int { return 2 }

func gemvRow(kind Kind, _, k, _ int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	switch kind {
	case F32:
		gemvF32(k, x, b, stride, y, acc)
	case BF16:
		gemvBF16(k, x, b, stride, y, acc)
	default:
		gemvF16Go(k, x, b, stride, y, acc)
	}
}

func gemvBlocks(kind Kind, _, nblk, _ int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	if kind == NF4 {
		gemvNF4(nblk, x, b, stride, s, sstride, y, acc)
	} else {
		gemvQ8Go(nblk, x, b, stride, s, sstride, y, acc)
	}
}

func q8Expand(nblk, rows int, q *byte, s, dst *float32) { q8ExpandGo(nblk, rows, q, s, dst) }
