package jpeg

// model tells what the components are, by libjpeg's rules: JFIF means YCbCr, then Adobe's marker counts, then the
// identifiers of components.
func (d *decoder) model() (Model, func(dst []uint8, rows [][]uint8)) {
	c := d.frame.components
	switch {
	case len(c) == 1:
		return Grey, interleave
	case d.fixed && len(c) == 4:
		return CMYK, interleave
	case d.fixed && !d.ycbcr:
		return RGB, interleave
	case d.fixed:
		return RGB, fromYCbCr
	case len(c) == 4 && (!d.adobe || d.transform == 0):
		return CMYK, interleave
	case len(c) == 4:
		return CMYK, fromYCCK
	case !d.jfif && d.adobe && d.transform == 0:
		return RGB, interleave
	case !d.jfif && !d.adobe && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B':
		return RGB, interleave
	}
	return RGB, fromYCbCr
}

// The JFIF matrix in 16 bits, by a chroma byte.
var crToR, cbToB, crToG, cbToG = func() (rr, bb, rg, bg [256]int32) {
	fix := func(x float64) int32 { return int32(x*65536 + 0.5) }
	for i := range rr {
		x := int32(i) - 128
		rr[i] = (fix(1.40200)*x + 32768) >> 16
		bb[i] = (fix(1.77200)*x + 32768) >> 16
		rg[i] = -fix(0.71414) * x
		bg[i] = -fix(0.34414)*x + 32768
	}
	return
}()

func interleave(dst []uint8, rows [][]uint8) {
	for i, row := range rows {
		for x, v := range row {
			dst[x*len(rows)+i] = v
		}
	}
}

// fromYCbCrPlain is fromYCbCr in Go.
func fromYCbCrPlain(dst, y, cb, cr []uint8) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for x, l := range y {
		l, b, r := int32(l), cb[x], cr[x]
		q := dst[3*x : 3*x+3 : 3*x+3]
		q[0] = clamp(l + crToR[r])
		q[1] = clamp(l + (cbToG[b]+crToG[r])>>16)
		q[2] = clamp(l + cbToB[b])
	}
}

// fromYCCK makes the complement of RGB and leaves K.
func fromYCCK(dst []uint8, rows [][]uint8) {
	cb, cr, k := rows[1][:len(rows[0])], rows[2][:len(rows[0])], rows[3][:len(rows[0])]
	for x, l := range rows[0] {
		l, b, r := 255-int32(l), cb[x], cr[x]
		q := dst[4*x : 4*x+4 : 4*x+4]
		q[0] = clamp(l - crToR[r])
		q[1] = clamp(l - (cbToG[b]+crToG[r])>>16)
		q[2] = clamp(l - cbToB[b])
		q[3] = k[x]
	}
}
