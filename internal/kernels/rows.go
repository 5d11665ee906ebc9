package kernels

import (
	"fmt"
	"math"
)

// Row writes row n of the stored matrix [N, K] to dst: what a packed table of embeddings is read with.
func (p *Packed) Row(n int, dst []float32) {
	if p.trans || len(dst) != p.K || n < 0 || n >= p.N {
		panic(fmt.Sprintf("kernels: Row %d of [%d, %d] into %d elements", n, p.N, p.K, len(dst)))
	}
	j, i := n/nr, n%nr
	switch p.Kind {
	case F32:
		for k, f := 0, p.f[j*p.K*nr+i:]; k < p.K; k++ {
			dst[k] = f[k*nr]
		}
	case BF16:
		shift := 16 * (i / 8)
		for k, u := 0, p.u[j*p.K*8+i%8:]; k < p.K; k++ {
			dst[k] = math.Float32frombits(u[k*8] >> shift << 16)
		}
	case F16:
		shift := 16 * (i & 1)
		for k, u := 0, p.u[j*p.K*8+i/2:]; k < p.K; k++ {
			dst[k] = FromF16(uint16(u[k*8] >> shift))
		}
	default:
		for k := range dst {
			dst[k] = p.at(k, n)
		}
	}
}

// PackedBytes is what Pack and NF4Weight.Pack take for a matrix [n, k].
func PackedBytes(kind Kind, n, k int) int {
	panels := (n + nr - 1) / nr
	switch kind {
	case BF16, F16:
		return panels * k * nr * 2
	case NF4, NF4Single:
		kb := (k + nf4Block - 1) / nf4Block
		return panels * kb * (nf4Block*nr/2 + nr*4)
	}
	return panels * k * nr * 4
}
