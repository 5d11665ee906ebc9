package kernels

import "unsafe"

// gemv is y = x·B, or y += x·B, for one row at the speed of memory. It adds up blocks of kcMax as
// mulBlocks does, so a row has the same bits alone as among others.
func gemv(t int, x []float32, b *Packed, y []float32, accumulate bool) {
	pairs := (b.panels() + 1) / 2
	span := func(lo, hi int) {
		s := scratchPool.Get().(*scratch)
		defer scratchPool.Put(s)
		for p := lo; p < hi; p++ {
			gemvPair(x, b, 2*p, y, accumulate, s)
		}
	}
	if t == 1 {
		span(0, pairs)
		return
	}
	Rows(pairs, max(1, 1<<15/(b.K*nr)), span)
}

// gemvPair does panels j and j+1.
func gemvPair(x []float32, b *Packed, j int, y []float32, accumulate bool, s *scratch) {
	out := y[j*nr : min(b.N, (j+2)*nr)]
	dst := out
	if len(out) < 2*nr {
		dst = s.tile[:2*nr]
		if accumulate {
			copy(dst, out)
		}
	}
	second := 0 // of the panel; without one the first is computed twice
	if j+1 < b.panels() {
		second = 1
	}
	for k0 := 0; k0 < b.K; k0 += kcMax {
		kc := min(kcMax, b.K-k0)
		acc := 0
		if accumulate || k0 > 0 {
			acc = 1
		}
		switch b.Kind {
		case F32:
			gemvF32(kc, &x[k0], unsafe.Pointer(&b.f[(j*b.K+k0)*nr]), second*b.K*nr*4, &dst[0], acc)
		case BF16:
			gemvBF16(kc, &x[k0], unsafe.Pointer(&b.u[(j*b.K+k0)*8]), second*b.K*8*4, &dst[0], acc)
		case NF4:
			gemvPairNF4(x[k0:][:kc], b, j, second, k0, dst, acc, s)
		}
	}
	if len(out) < 2*nr {
		copy(out, dst)
	}
}

// gemvPairNF4 does rows k0..k0+len(x). The kernel takes whole blocks; a last one that is cut short
// is expanded first.
func gemvPairNF4(x []float32, b *Packed, j, second, k0 int, dst []float32, acc int, s *scratch) {
	if len(x)%64 == 0 {
		blk := j*b.kb + k0/64
		gemvNF4(len(x)/64, &x[0], unsafe.Pointer(&b.q[blk*512]), second*b.kb*512, &b.s[blk*nr], second*b.kb*nr*4, &dst[0], acc)
		return
	}
	var y [2 * nr]float32
	for i := range 1 + second {
		bp, _, _ := b.panel(j+i, k0, len(x), s)
		copy(y[:nr], dst[i*nr:])
		gemvF32(len(x), &x[0], bp, 0, &y[0], acc)
		copy(dst[i*nr:], y[:nr])
	}
}
