package autograd

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
)

// Magnitude makes of a layer DoRA's (arXiv 2402.09353): row j of W + Scale·B·M·A is brought to the length of its own that is
// trained, y = diag(m/‖W + Scale·B·M·A‖)·(W + Scale·B·M·A)·x + b. The norm is that along the input, and a constant for the gradient
// (section 4.3 of the paper; PEFT 0.21 does the same). A row of zeros keeps its length.
//
// Dropout is on the input of the low-rank term alone. PEFT, with dropout, scales what W makes of the dropped input.
type Magnitude struct {
	Var *Var // m, [out]

	mu      sync.Mutex
	of      Matrix // squares belong to it
	squares []float64
	norms   []float32 // of W + Scale·B·M·A, kept while nothing of it changes
}

// RowNorms are the lengths of the rows of W, where DoRA's magnitudes start.
func (m Matrix) RowNorms() []float32 { return roots(m.device().Squares(m.right())) }

// ColumnNorms are those of the columns, which an embedding's magnitudes are.
func (m Matrix) ColumnNorms() []float32 { return roots(m.device().Squares(m.right().T())) }

func roots(squares []float64) []float32 {
	out := make([]float32, len(squares))
	for j, s := range squares {
		out[j] = float32(math.Sqrt(s))
	}
	return out
}

// device is where the weight is.
func (m Matrix) device() device.Device {
	if m.Var != nil {
		return m.Var.dev
	}
	return device.Host
}

// gain is m over the norms, and the norms, of a layer with this magnitude; table says that its weight is an embedding's, which lies as [in, out].
func (g *Magnitude) gain(l Layer, table bool) (gain device.Buffer, norms []float32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, low := l.W, l.Low
	constant := (w.Packed != nil || !w.Var.track) && !low.A.track && !low.B.track && (low.M == nil || !low.M.track)
	if !constant || g.of != w {
		g.norms = nil
	}
	dev, right := g.Var.dev, w.right()
	if table {
		right = right.T()
	}
	if w.Packed == nil && w.Var.track || g.of != w || g.squares == nil {
		g.of, g.squares = w, dev.Squares(right)
	}
	if norms = g.norms; norms == nil {
		norms = dev.Norms(right, low.onDevice(), g.squares)
	}
	if constant {
		g.norms = norms
	}
	return dev.Gains(g.Var.buf, norms), norms
}

// onDevice is the term as devices take it.
func (w *LowRank) onDevice() device.LowRank {
	out := device.LowRank{A: w.A.buf, B: w.B.buf, R: w.rank(), Scale: w.Scale}
	if w.M != nil {
		out.M = w.M.buf
	}
	return out
}

// Forget makes the next pass compute the norms again, after parameters were changed that are not trained.
func (g *Magnitude) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.norms, g.squares = nil, nil
}

// magnitude is the operation z·diag(gain) + b, in z's memory. The gradient of m needs z again and takes it from the result, which is
// there in the backward pass: Rope and Residual, which take what they are given, leave it or bring it back. Where the result does not
// tell z well, both are kept.
type magnitude struct {
	z     *Var
	layer Layer
	table bool // the layer is an embedding
	y     *Var // the result, with z's memory; or nil, z has its own
	gain  device.Buffer
	norms []float32
}

// The result tells z to about 1e-5 of what a row makes of inputs of unit size while gains are not below leastGain and biases not
// above mostBias times their row's magnitude.
const leastGain, mostBias = 1.0 / 1024, 256

func (f *magnitude) Operands() []mat.Tensor {
	return tensors(f.z, f.layer.Magnitude.Var, f.layer.Bias)
}

func (f *magnitude) Forward() (mat.Tensor, error) {
	m := f.layer.Magnitude
	if m.Var.Size() != f.z.Cols() {
		return nil, fmt.Errorf("a magnitude of %d does not fit %v", m.Var.Size(), f.z.shape)
	}
	dev := f.z.dev
	f.gain, f.norms = m.gain(f.layer, f.table)
	var y *Var
	if !f.told() {
		y = newVar(dev, f.z.shape...)
		dev.MulColumns(y.buf, f.z.buf, f.gain, f.z.Rows(), f.z.Cols())
	} else {
		y = f.z.taken()
		y.again, f.y = true, y
		dev.MulColumns(y.buf, y.buf, f.gain, y.Rows(), y.Cols())
	}
	if f.layer.Bias != nil {
		dev.AddBias(y.buf, f.layer.Bias.buf, y.Rows(), y.Cols())
	}
	return y, nil
}

func (f *magnitude) told() bool {
	bias, magnitudes := f.layer.Bias.hostOrNil(), f.layer.Magnitude.Var.hostOrNil()
	for j, g := range f.gain.Host() { // none on a device that only counts, which takes the usual way
		if math.Abs(float64(g)) < leastGain {
			return false
		}
		if bias != nil && f.norms[j] > 0 && math.Abs(float64(bias[j])) > mostBias*math.Abs(float64(magnitudes[j])) {
			return false
		}
	}
	return true
}

// hostOrNil is the host array, nil if v is nil.
func (v *Var) hostOrNil() []float32 {
	if v == nil {
		return nil
	}
	return v.buf.Host()
}

func (f *magnitude) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	dev, n, out := g.dev, f.z.Rows(), f.z.Cols()
	if f.layer.Bias.RequiresGrad() {
		dev.SumRows(f.layer.Bias.gradBuffer(), g.buf, n, out)
	}
	if f.y != nil && f.y.buf.None() {
		return errors.New("the result was taken and not given back")
	}
	if m := f.layer.Magnitude.Var; m.RequiresGrad() {
		sums, per := f.sums(g), device.Wrap(f.norms)
		if f.y != nil {
			per = m.buf
		}
		dev.AddQuotients(m.gradBuffer(), sums.buf, per, f.norms)
		sums.release()
	}
	if !f.z.RequiresGrad() {
		g.release()
		return nil
	}
	dev.MulColumns(g.buf, g.buf, f.gain, n, out)
	f.z.AccGrad(g)
	return nil
}

// sums are those of g·z over rows, or of g·z·diag(gain), which takes the bias off the result.
func (f *magnitude) sums(g *Var) *Var {
	dev, n, out := g.dev, f.z.Rows(), f.z.Cols()
	sums := newZero(dev, out)
	if f.y == nil {
		dev.MulColumnsGrad(sums.buf, g.buf, f.z.buf, n, out)
		return sums
	}
	if b := f.layer.Bias; b != nil {
		minus := newVar(dev, out)
		dev.ScaleTo(minus.buf, b.buf, -1)
		dev.AddBias(f.y.buf, minus.buf, n, out)
		minus.release()
	}
	dev.MulColumnsGrad(sums.buf, g.buf, f.y.buf, n, out)
	return sums
}
