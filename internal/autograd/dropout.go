package autograd

import "moslava/internal/device"

// mask is a dropout mask that is drawn again whenever it is needed, so it costs no memory. The zero mask means no dropout.
type mask struct{ device.Mask }

func (m mask) on() bool { return m.Keep != 0 }

// newMask numbers masks in the order in which operations ask for them, which the model fixes.
func (t *Tape) newMask(p float64) mask {
	t.drop++
	return mask{device.Mask{Key: device.Mix(t.Seed ^ device.Mix(t.drop)), Threshold: uint64(p * (1 << 53)), Keep: float32(1 / (1 - p))}}
}
