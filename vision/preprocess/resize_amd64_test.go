//go:build amd64 && !purego

package preprocess

import (
	"image"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestResizeInVectors: the vector code has the bytes of the plain code, for every filter, sizes up and down, windows and padding.
func TestResizeInVectors(t *testing.T) {
	if !hasAVX2 {
		t.Skip("no AVX2")
	}
	defer func() { hasAVX2 = true }()
	r := rand.New(rand.NewPCG(3, 4))
	for range 600 {
		img := NewRGB(1+r.IntN(70), 1+r.IntN(70))
		for i := range img.Pix {
			img.Pix[i] = uint8(r.Uint32())
			if r.IntN(3) == 0 {
				img.Pix[i] = 255 * uint8(r.IntN(2))
			}
		}
		var square *[3]uint8
		if r.IntN(2) == 0 {
			square = &[3]uint8{uint8(r.Uint32()), 255, 0}
		}
		w, h := 1+r.IntN(90), 1+r.IntN(90)
		window := image.Rect(0, 0, w, h)
		if r.IntN(2) == 0 {
			window = image.Rect(r.IntN(w)-3, r.IntN(h)-3, w, h+4)
		}
		f, o := Filter(1+r.IntN(5)), Order(r.IntN(2))
		make := func(vectors bool) []uint8 {
			hasAVX2 = vectors
			return newCanvas(img, square).resize(w, h, f, o, window).Pix
		}
		if got, want := make(true), make(false); !slices.Equal(got, want) {
			t.Fatalf("%d x %d to %d x %d, %v of %v, order %d: other bytes", img.W, img.H, w, h, window, f, o)
		}
	}
}
