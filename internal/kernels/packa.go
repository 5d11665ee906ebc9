package kernels

import "unsafe"

// packA packs rows i0..i0+h and columns k0..k0+kc of a, which has m rows, into dst [kc, h].
func packA(dst, a []float32, i0, h, m, k0, kc, rs, cs int) {
	d := dst[:kc*h]
	switch {
	case cs == 1:
		packRowMajor(d, a[i0*rs+k0:], h, m-i0, kc, rs)
	case rs == 1:
		copyRows(kc, h, a[i0+k0*cs:], cs, d, h)
	default:
		for i := range h {
			o := (i0+i)*rs + k0*cs
			for k := range kc {
				d[k*h+i] = a[o]
				o += cs
			}
		}
	}
}

// packRowMajor packs h rows of rs elements each; there are more, left in all.
func packRowMajor(d, a []float32, h, left, kc, rs int) {
	done := 0
	switch {
	case h >= 8 && kc >= 8:
		// Eight rows from the first and eight up to the last; those in the middle are written twice.
		done = kc &^ 7
		packT8(done/8, unsafe.Pointer(&a[0]), rs*4, &d[0], h*4)
		if h > 8 {
			packT8(done/8, unsafe.Pointer(&a[(h-8)*rs]), rs*4, &d[h-8], h*4)
		}
	case h >= 4 && left >= 8 && kc > 8:
		// Eight rows are transposed where fewer are wanted: rows of the panel are written in order, each
		// over the surplus of the one before. The last are left to the loop below.
		done = (kc - 1) / 8 * 8
		_ = a[7*rs+done-1]
		packT8(done/8, unsafe.Pointer(&a[0]), rs*4, &d[0], h*4)
	}
	for i := range h {
		row := a[i*rs:][:kc]
		for k := done; k < kc; k++ {
			d[k*h+i] = row[k]
		}
	}
}
