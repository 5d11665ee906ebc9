//go:build !amd64 || purego

package preprocess

// mix resizes one row: src of the picture with padding of one colour beside it.
func (a *axis) mix(src []uint8, padding [3]uint8, dst []uint8) { a.mixFrom(0, src, padding, dst) }

// addRow adds a weighted row of bytes to acc.
func addRow(acc []int32, row []uint8, weight int32) { addRowPlain(acc, row, weight) }

// store brings sums back to bytes.
func store(dst []uint8, acc []int32) { storePlain(dst, acc) }
