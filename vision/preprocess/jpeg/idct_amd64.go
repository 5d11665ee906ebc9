//go:build amd64 && !purego

package jpeg

import (
	"os"

	"golang.org/x/sys/cpu"
)

// idctAVX2 is idctPlain; out has 7*stride+8 bytes.
//
//go:noescape
func idctAVX2(b *[64]int16, q *[64]uint16, out *uint8, stride int)

// hasAVX2 chooses at run time, as kernels does.
var hasAVX2 = cpu.X86.HasAVX2 && os.Getenv("MOSLAVA_ISA") != "plain"

// idct multiplies coefficients by their quantisation steps, transforms them and writes 8 x 8 samples.
func idct(b *[64]int16, q *[64]uint16, out []uint8, stride int) {
	if !hasAVX2 {
		idctPlain(b, q, out, stride)
		return
	}
	_ = out[7*stride+7]
	idctAVX2(b, q, &out[0], stride)
}
