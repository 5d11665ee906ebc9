//go:build amd64 && !purego

package jpeg

//go:noescape
func fromYCbCrAVX2(dst, y, cb, cr *uint8, n int)

//go:noescape
func sumsAVX2(dst *int32, near, far *uint8, n int)

//go:noescape
func triangleAVX2(out *uint8, s *int32, n int, shift uint, even, odd int32)

func fromYCbCr(dst []uint8, rows [][]uint8) {
	y, cb, cr := rows[0], rows[1], rows[2]
	n := 0
	if hasAVX2 && len(y) >= 10 {
		n = (len(y) - 2) &^ 7 // four bytes more are written
		_, _, _ = dst[3*n+3], cb[n-1], cr[n-1]
		fromYCbCrAVX2(&dst[0], &y[0], &cb[0], &cr[0], n)
	}
	fromYCbCrPlain(dst[3*n:], y[n:], cb[n:], cr[n:])
}

// mixRows is a row between two rows of samples, the near one three times.
func mixRows(sums []int32, near, far []uint8) {
	n := 0
	if far = far[:len(near)]; hasAVX2 && len(near) >= 8 {
		n = len(near) &^ 7
		_ = sums[n-1]
		sumsAVX2(&sums[0], &near[0], &far[0], n)
	}
	mixRowsPlain(sums[n:], near[n:], far[n:])
}

// triangle is the filter 3:1 over sums: even columns lean left and round with even, odd ones right with odd; beyond the
// ends the outermost sample goes on.
func triangle(out []uint8, s []int32, shift uint, even, odd int32) {
	n := 0
	if hasAVX2 && len(s) >= 10 && len(out) >= 2*len(s)-1 {
		n = (len(s) - 2) &^ 7 // all but the ends
		triangleAVX2(&out[2], &s[1], n, shift, even, odd)
	}
	if n > 0 {
		trianglePlain(out[:2], s[:2], 0, 1, shift, even, odd)
		n++
	}
	trianglePlain(out, s, n, len(s), shift, even, odd)
}
