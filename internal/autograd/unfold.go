package autograd

import (
	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
)

// unfold cuts pictures into patches. Pixels have no gradient.
type unfold struct {
	dev     device.Device
	images  [][]float32
	h, w, p int
}

// Unfold cuts images [3, h, w] into patches of p x p pixels: [images*(h/p)*(w/p), 3*p*p], rows and columns that do not fill a patch
// being left out, as a strided convolution leaves them.
func (t *Tape) Unfold(dev device.Device, images [][]float32, h, w, p int) *Var {
	return t.Apply(&unfold{dev, images, h, w, p})
}

func (f *unfold) Operands() []mat.Tensor { return nil }

func (f *unfold) Forward() (mat.Tensor, error) {
	y := newVar(f.dev, len(f.images)*(f.h/f.p)*(f.w/f.p), 3*f.p*f.p)
	f.dev.Unfold(y.buf, f.images, f.h, f.w, f.p)
	return y, nil
}

func (f *unfold) Backward(mat.Tensor) error { return nil }
