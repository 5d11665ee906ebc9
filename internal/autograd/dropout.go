package autograd

import "moslava/internal/kernels"

// mask is a dropout mask that is drawn again whenever it is needed, so it costs no memory:
// element i is kept when a hash of (key, i) is at least the probability.
type mask struct {
	key       uint64
	threshold uint64
	keep      float32 // 1/(1-p); 0 means no dropout
}

func (m mask) on() bool { return m.keep != 0 }

// newMask numbers masks in the order in which operations ask for them, which the model fixes.
func (t *Tape) newMask(p float64) mask {
	t.drop++
	return mask{key: mix(t.Seed ^ mix(t.drop)), threshold: uint64(p * (1 << 53)), keep: float32(1 / (1 - p))}
}

// mix is the finaliser of splitmix64.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (m mask) apply(dst, src []float32) {
	kernels.Rows(len(src), 1<<13, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if mix(m.key+uint64(i))>>11 < m.threshold {
				dst[i] = 0
			} else {
				dst[i] = src[i] * m.keep
			}
		}
	})
}
