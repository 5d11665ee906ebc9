//go:build amd64 && !purego

package jpeg

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRowsInVectors: the vector code of whole rows has the bytes of the plain code and writes nothing beside.
func TestRowsInVectors(t *testing.T) {
	if !hasAVX2 {
		t.Skip("no AVX2")
	}
	r := rand.New(rand.NewPCG(5, 6))
	random := func(n int) []uint8 {
		b := make([]uint8, n)
		for i := range b {
			if b[i] = uint8(r.Uint32()); r.IntN(4) == 0 {
				b[i] = 255 * uint8(r.IntN(2))
			}
		}
		return b
	}
	for n := 1; n < 90; n++ {
		for range 20 {
			rows := [][]uint8{random(n), random(n), random(n)}
			got, want := random(3*n+8), []uint8(nil)
			want = slices.Clone(got)
			fromYCbCr(got[:3*n:3*n], rows)
			fromYCbCrPlain(want, rows[0], rows[1], rows[2])
			if !slices.Equal(got, want) {
				t.Fatalf("colours of %d pixels: %v, want %v", n, got, want)
			}
			sums, plain := make([]int32, n), make([]int32, n)
			mixRows(sums, rows[0], rows[1])
			mixRowsPlain(plain, rows[0], rows[1])
			if !slices.Equal(sums, plain) {
				t.Fatalf("sums of %d: %v, want %v", n, sums, plain)
			}
			for _, width := range []int{2 * n, 2*n - 1} {
				got = random(2*n + 40)
				want = slices.Clone(got)
				triangle(got[:width:width], sums, 4, 8, 7)
				trianglePlain(want[:width:width], sums, 0, n, 4, 8, 7)
				if !slices.Equal(got, want) {
					t.Fatalf("%d columns of %d: %v, want %v", width, n, got, want)
				}
			}
		}
	}
}
