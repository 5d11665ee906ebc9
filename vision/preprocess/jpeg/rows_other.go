//go:build !amd64 || purego

package jpeg

func fromYCbCr(dst []uint8, rows [][]uint8) { fromYCbCrPlain(dst, rows[0], rows[1], rows[2]) }

// mixRows is a row between two rows of samples, the near one three times.
func mixRows(sums []int32, near, far []uint8) { mixRowsPlain(sums, near, far) }

// triangle is the filter 3:1 over sums: even columns lean left and round with even, odd ones right with odd; beyond the
// ends the outermost sample goes on.
func triangle(out []uint8, s []int32, shift uint, even, odd int32) {
	trianglePlain(out, s, 0, len(s), shift, even, odd)
}
