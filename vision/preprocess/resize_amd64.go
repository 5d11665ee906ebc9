//go:build amd64 && !purego

package preprocess

import (
	"os"

	"golang.org/x/sys/cpu"
)

// hasAVX2 chooses at run time, as kernels does. What the vector code makes is what the plain code makes, to the bit.
var hasAVX2 = cpu.X86.HasAVX2 && os.Getenv("MOSLAVA_ISA") != "plain"

//go:noescape
func mixAVX2(dst *uint8, n int, src *uint8, first, offset *int, weights, padding *int32, colour, half *[4]int32)

//go:noescape
func addRowAVX2(acc *int32, row *uint8, n int, weight int32)

//go:noescape
func storeAVX2(dst *uint8, acc *int32, n int)

var halves = [4]int32{half, half, half, half}

// mix resizes one row: src of the picture with padding of one colour beside it.
func (a *axis) mix(src []uint8, padding [3]uint8, dst []uint8) {
	n := 0
	if hasAVX2 && len(a.weights) > 0 {
		// The last output is left, and those that read the last pixel: a byte beyond is read and written.
		for n = len(a.first) - 1; n > 0; n-- {
			if first, k := a.at(n - 1); 3*(first+len(k)) < len(src) {
				break
			}
		}
	}
	if n > 0 {
		_ = dst[3*n]
		colour := [4]int32{int32(padding[0]), int32(padding[1]), int32(padding[2]), 0}
		mixAVX2(&dst[0], n, &src[0], &a.first[0], &a.offset[0], &a.weights[0], &a.padding[0], &colour, &halves)
	}
	a.mixFrom(n, src, padding, dst)
}

// addRow adds a weighted row of bytes to acc.
func addRow(acc []int32, row []uint8, weight int32) {
	n := 0
	if row = row[:len(acc)]; hasAVX2 && len(acc) >= 16 {
		n = len(acc) &^ 15
		addRowAVX2(&acc[0], &row[0], n, weight)
	}
	addRowPlain(acc[n:], row[n:], weight)
}

// store brings sums back to bytes.
func store(dst []uint8, acc []int32) {
	n := 0
	if dst = dst[:len(acc)]; hasAVX2 && len(acc) >= 16 {
		n = len(acc) &^ 15
		storeAVX2(&dst[0], &acc[0], n)
	}
	storePlain(dst[n:], acc[n:])
}
