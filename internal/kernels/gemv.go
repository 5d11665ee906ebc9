package kernels

import "unsafe"

// Right is one of several matrices that the same rows are multiplied with: y [m, B.N], rows B.N apart,
// becomes x·B.
type Right struct {
	B *Packed
	Y []float32
}

// MulEach multiplies x [m, K], rows of B.K elements each, with each of the matrices, which have the same K.
// Each y is what Mul gives, to the bit; of one row it is the faster way to several.
func (on Workers) MulEach(m int, x []float32, rights ...Right) {
	if m == 1 && len(rights) <= maxRights {
		row, n := true, 0
		for _, r := range rights {
			r.B.checkOperands(1, x, r.B.K, 1, r.Y, r.B.N)
			row = row && r.B.takesRow() && r.B.K == rights[0].B.K
			n += r.B.N
		}
		if row {
			gemv(rowThreads(int(on), n, rights[0].B.K), x, false, rights...)
			return
		}
	}
	for _, r := range rights {
		on.Mul(m, x, r.B.K, 1, r.B, r.Y, r.B.N, false)
	}
}

const maxRights = 4

// takesRow says that gemv can read the matrix.
func (b *Packed) takesRow() bool { return !b.trans && b.Kind <= Q8 && b.K > 0 && b.N > 0 }

// rowThreads is how many of t threads are worth calling for a row times [k, n].
func rowThreads(t, n, k int) int {
	if n*k < 1<<16 {
		return 1
	}
	return t
}

// gemv is y = x·B, or y += x·B, for one row and each of the matrices, which have the same K, at the speed
// of memory. It adds up blocks of kcMax as the tiles do, so a row has the same bits alone as among others.
func gemv(t int, x []float32, accumulate bool, rights ...Right) {
	if t == 1 {
		s := scratchPool.Get().(*scratch)
		for _, r := range rights {
			gemvPanels(x, r.B, 0, r.B.panels(), r.Y, accumulate, s)
		}
		scratchPool.Put(s)
		return
	}
	// A share is pairs of panels that lie together in memory, so that a thread reads on where it stopped and what it asked
	// for beforehand is its own. Who has done his share takes from those of others.
	var starts [maxRights + 1]int
	for i, r := range rights {
		starts[i+1] = starts[i] + (r.B.panels()+1)/2
	}
	step := rowPanels() / 2
	step *= max(1, rowTask/(rights[0].B.K*nr*2*step))
	each := share(starts[len(rights)], step, t)
	workers(t, func() {
		s := scratchPool.Get().(*scratch)
		defer scratchPool.Put(s)
		each.run(func(lo, hi int) {
			for r, right := range rights {
				from, to := max(lo, starts[r])-starts[r], min(hi, starts[r+1])-starts[r]
				if from < to {
					gemvPanels(x, right.B, 2*from, min(right.B.panels(), 2*to), right.Y, accumulate, s)
				}
			}
		})
	})
}

// rowTask is how many weights a task of gemv has about.
const rowTask = 1 << 15

// gemvPanels does panels j to end.
func gemvPanels(x []float32, b *Packed, j, end int, y []float32, accumulate bool, s *scratch) {
	width := rowPanels()
	for j < end {
		n := min(end-j, width)
		if n < width {
			n = min(n, 2)
		}
		gemvGroup(x, b, j, n, y, accumulate, s)
		j += n
	}
}

// gemvGroup does n panels: rowPanels, 2 or 1.
func gemvGroup(x []float32, b *Packed, j, n int, y []float32, accumulate bool, s *scratch) {
	out := y[j*nr : min(b.N, (j+n)*nr)]
	apart := 1
	if n == 1 {
		n, apart = 2, 0 // the first panel is computed twice, and the second result dropped
	}
	dst := out
	if len(out) < n*nr {
		dst = s.tile[:n*nr]
		if accumulate {
			copy(dst, out)
		}
	}
	for k0 := 0; k0 < b.K; k0 += kcMax {
		kc := min(kcMax, b.K-k0)
		acc := 0
		if accumulate || k0 > 0 {
			acc = 1
		}
		blk := j*b.kb + k0/64
		switch {
		case b.Kind == F32:
			gemvRow(F32, n, kc, b.K-k0-kc, &x[k0], unsafe.Pointer(&b.f[(j*b.K+k0)*nr]), apart*b.K*nr*4, &dst[0], acc)
		case b.Kind == BF16 || b.Kind == F16:
			gemvRow(b.Kind, n, kc, b.K-k0-kc, &x[k0], unsafe.Pointer(&b.u[(j*b.K+k0)*8]), apart*b.K*8*4, &dst[0], acc)
		case kc%64 != 0:
			gemvExpanded(x[k0:][:kc], b, j, n, apart, k0, dst, acc, s)
		default:
			block := len(b.q) / (b.panels() * b.kb) // bytes
			gemvBlocks(b.Kind, n, kc/64, (b.K-k0-kc+63)/64, &x[k0], unsafe.Pointer(&b.q[blk*block]), apart*b.kb*block, &b.s[blk*nr], apart*b.kb*nr*4, &dst[0], acc)
		}
	}
	if len(out) < n*nr {
		copy(out, dst)
	}
}

// gemvExpanded does rows k0..k0+len(x) where the last block is cut short: kernels take whole ones.
func gemvExpanded(x []float32, b *Packed, j, n, apart, k0 int, dst []float32, acc int, s *scratch) {
	var y [2 * nr]float32
	for i := range n {
		bp, _, _ := b.panel(j+i*apart, k0, len(x), s)
		copy(y[:nr], dst[i*nr:])
		gemvRow(F32, 2, len(x), 0, &x[0], bp, 0, &y[0], acc)
		copy(dst[i*nr:], y[:nr])
	}
}
