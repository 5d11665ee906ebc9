//go:build !amd64 || purego

package jpeg

// idct multiplies coefficients by their quantisation steps, transforms them and writes 8 x 8 samples.
func idct(b *[64]int16, q *[64]uint16, out []uint8, stride int) { idctPlain(b, q, out, stride) }
