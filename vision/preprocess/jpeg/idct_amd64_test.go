//go:build amd64 && !purego

package jpeg

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTransformInVectors: the vector code has the bytes of the plain code, also of coefficients that no encoder makes.
func TestTransformInVectors(t *testing.T) {
	if !hasAVX2 {
		t.Skip("no AVX2")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		var b [64]int16
		var q [64]uint16
		for k := range b {
			q[k] = uint16(1 + r.IntN(40))
			switch kind := i % 5; {
			case kind == 0 && k == 0, kind == 1 && k < 8, kind == 2 && r.IntN(8) == 0, kind == 3:
				b[k] = int16(r.IntN(200) - 100)
			case kind == 4:
				b[k], q[k] = int16(r.Uint32()), uint16(r.Uint32())
			}
		}
		const stride = 11
		want, got := make([]uint8, 7*stride+8), make([]uint8, 7*stride+8)
		idctPlain(&b, &q, want, stride)
		idctAVX2(&b, &q, &got[0], stride)
		if !slices.Equal(got, want) {
			t.Fatalf("block %d of %v by %v:\n%v\nwant %v", i, b, q, got, want)
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	var c [64]int16
	var q [64]uint16
	for k := range c {
		c[k], q[k] = int16(100/(k+1)), 3
	}
	out := make([]uint8, 64)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			idctPlain(&c, &q, out, 8)
		}
	})
	b.Run("here", func(b *testing.B) {
		for b.Loop() {
			idct(&c, &q, out, 8)
		}
	})
}
