package autograd

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/kernels"
)

// Magnitude makes of an adapter DoRA's (arXiv 2402.09353): row j of W + Scale·B·M·A is brought to the length of its own that is
// trained, y = diag(m/‖W + Scale·B·M·A‖)·(W + Scale·B·M·A)·x + b. The norm is that along the input, and a constant for the gradient
// (section 4.3 of the paper; PEFT 0.21 does the same). A row of zeros keeps its length.
//
// Dropout is on the input of the low-rank term alone. PEFT, with dropout, scales what W makes of the dropped input.
type Magnitude struct {
	Var *Var // m, [out]

	mu      sync.Mutex
	of      *kernels.Packed // squares belong to it
	squares []float64
	norms   []float32 // of W + Scale·B·M·A, kept while nothing of it changes
}

// RowNorms are the lengths of the rows of W, where DoRA's magnitudes start.
func (m Matrix) RowNorms() []float32 {
	squares := m.rowSquares()
	out := make([]float32, len(squares))
	for j, s := range squares {
		out[j] = float32(math.Sqrt(s))
	}
	return out
}

// rowsAtATime are worth a worker.
const rowsAtATime = 16

func (m Matrix) rowSquares() []float64 {
	out, in := m.Dims()
	squares := make([]float64, out)
	kernels.Rows(out, rowsAtATime, func(lo, hi int) {
		room := make([]float32, in)
		for j := lo; j < hi; j++ {
			for _, v := range m.row(j, room) {
				squares[j] += float64(v) * float64(v)
			}
		}
	})
	return squares
}

// row is row j, in room if it is packed.
func (m Matrix) row(j int, room []float32) []float32 {
	if m.Packed == nil {
		return m.Var.data[j*len(room):][:len(room)]
	}
	m.Packed.Row(j, room)
	return room
}

// gain is m over the norms, and the norms.
func (g *Magnitude) gain(w Matrix, low *LowRank) (gain, norms []float32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	constant := w.Packed != nil && !low.A.track && !low.B.track && (low.M == nil || !low.M.track)
	if !constant || g.of != w.Packed {
		g.norms = nil
	}
	if w.Packed == nil || g.of != w.Packed {
		g.of, g.squares = w.Packed, w.rowSquares()
	}
	if norms = g.norms; norms == nil {
		norms = low.rowNorms(w, g.squares)
	}
	if constant {
		g.norms = norms
	}
	gain = make([]float32, len(norms))
	for j, n := range norms {
		if gain[j] = 1; n > 0 {
			gain[j] = g.Var.data[j] / n
		}
	}
	return gain, norms
}

// Forget makes the next pass compute the norms again, after parameters were changed that are not trained.
func (g *Magnitude) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.norms = nil
}

// cancels is the share of what ‖w‖ and the length of Scale·b·M·A, had its terms nothing in common, would make together, squared,
// below which a squared norm is not taken from products in float32: with it a norm is right to 2e-6.
const cancels = 1.0 / 64

// rowNorms are those of W + Scale·B·M·A; squares are W's. They come from ‖w‖² + 2s·w·(bMA)ᵀ + s²‖bMA‖², so that no matrix of W's size
// is made: with B = 0 they are W's to the bit. Rows in which that sum nearly vanishes are added up element by element.
func (w *LowRank) rowNorms(weight Matrix, squares []float64) []float32 {
	out, in := weight.Dims()
	r := w.rank()
	ma := w.A
	if w.M != nil {
		ma = newVar(r, in)
		kernels.Mul(r, w.M.data, r, 1, kernels.KN(w.A.data, r, in, in), ma.data, in, false)
	}
	cross, gram, both := newVar(r, out), newVar(r, r), newVar(out, r)
	kernels.Mul(r, ma.data, in, 1, weight.right(), cross.data, out, false)
	kernels.Mul(r, ma.data, in, 1, kernels.NK(ma.data, r, in, in), gram.data, r, false)
	kernels.Mul(out, w.B.data, r, 1, kernels.KN(gram.data, r, r, r), both.data, r, false)
	norms := make([]float32, out)
	s := float64(w.Scale)
	kernels.Rows(out, rowsAtATime, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			var with, own, apart float64
			for k := range r {
				b := float64(w.B.data[j*r+k])
				with += b * float64(cross.data[k*out+j])
				own += b * float64(both.data[j*r+k])
				apart += b * b * float64(gram.data[k*r+k])
			}
			square := squares[j] + 2*s*with + s*s*own
			if most := math.Sqrt(squares[j]) + s*math.Sqrt(apart); !(square >= cancels*most*most) {
				square = w.rowSquare(weight, j)
			}
			norms[j] = float32(math.Sqrt(square))
		}
	})
	if w.M != nil {
		ma.release()
	}
	cross.release()
	gram.release()
	both.release()
	return norms
}

// rowSquare is the squared length of row j of W + Scale·B·M·A, in float64 throughout.
func (w *LowRank) rowSquare(weight Matrix, j int) (square float64) {
	_, in := weight.Dims()
	r := w.rank()
	bm := make([]float64, r)
	for k, b := range w.B.data[j*r:][:r] {
		if w.M == nil {
			bm[k] = float64(b)
			continue
		}
		for i, m := range w.M.data[k*r:][:r] {
			bm[i] += float64(b) * float64(m)
		}
	}
	row, delta := weight.row(j, make([]float32, in)), make([]float64, in)
	for k, b := range bm {
		for i, a := range w.A.data[k*in:][:in] {
			delta[i] += b * float64(a)
		}
	}
	for i, v := range row {
		d := float64(v) + float64(w.Scale)*delta[i]
		square += d * d
	}
	return square
}

// Apply scales y [rows, out], which is x·Wᵀ + Scale·x·(B·M·A)ᵀ, without a tape.
func (g *Magnitude) Apply(rows int, y []float32, w Matrix, low *LowRank) {
	gain, _ := g.gain(w, low)
	kernels.MulColumns(y, y, gain, rows, len(gain))
}

// magnitude is the operation z·diag(gain) + b, in z's memory. The gradient of m needs z again and takes it from the result, which is
// there in the backward pass: Rope and Residual, which take what they are given, leave it or bring it back. Where the result does not
// tell z well, both are kept.
type magnitude struct {
	z           *Var
	layer       Layer
	y           *Var // the result, with z's memory; or nil, z has its own
	gain, norms []float32
}

// The result tells z to about 1e-5 of what a row makes of inputs of unit size while gains are not below leastGain and biases not
// above mostBias times their row's magnitude.
const leastGain, mostBias = 1.0 / 1024, 256

func (f *magnitude) Operands() []mat.Tensor {
	return tensors(f.z, f.layer.Low.Magnitude.Var, f.layer.Bias)
}

func (f *magnitude) Forward() (mat.Tensor, error) {
	m := f.layer.Low.Magnitude
	if m.Var.Size() != f.z.Cols() {
		return nil, fmt.Errorf("a magnitude of %d does not fit %v", m.Var.Size(), f.z.shape)
	}
	f.gain, f.norms = m.gain(f.layer.W, f.layer.Low)
	var y *Var
	if !f.told() {
		y = newVar(f.z.shape...)
		kernels.MulColumns(y.data, f.z.data, f.gain, f.z.Rows(), f.z.Cols())
	} else {
		y = &Var{data: f.z.data, shape: f.z.shape, again: true}
		f.z.data, f.y = nil, y
		kernels.MulColumns(y.data, y.data, f.gain, y.Rows(), y.Cols())
	}
	if f.layer.Bias != nil {
		kernels.AddBias(y.data, f.layer.Bias.data, y.Rows(), y.Cols())
	}
	return y, nil
}

func (f *magnitude) told() bool {
	for j, g := range f.gain {
		if math.Abs(float64(g)) < leastGain {
			return false
		}
		if b := f.layer.Bias; b != nil && f.norms[j] > 0 && math.Abs(float64(b.data[j])) > mostBias*math.Abs(float64(f.layer.Low.Magnitude.Var.data[j])) {
			return false
		}
	}
	return true
}

func (f *magnitude) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	n, out := f.z.Rows(), f.z.Cols()
	if f.layer.Bias.RequiresGrad() {
		kernels.SumRows(f.layer.Bias.gradBuffer(), g.data, n, out)
	}
	if f.y != nil && f.y.data == nil {
		return errors.New("the result was taken and not given back")
	}
	if m := f.layer.Low.Magnitude.Var; m.RequiresGrad() {
		sums, per := f.sums(g), f.norms
		if f.y != nil {
			per = m.data
		}
		for j, grad := range m.gradBuffer() {
			if f.norms[j] > 0 {
				m.grad.data[j] = grad + sums[j]/per[j]
			}
		}
	}
	if !f.z.RequiresGrad() {
		g.release()
		return nil
	}
	kernels.MulColumns(g.data, g.data, f.gain, n, out)
	f.z.AccGrad(g)
	return nil
}

// sums are those of g·z over rows, or of g·z·diag(gain), which takes the bias off the result.
func (f *magnitude) sums(g *Var) []float32 {
	n, out := f.z.Rows(), f.z.Cols()
	sums := make([]float32, out)
	if f.y == nil {
		kernels.MulColumnsGrad(sums, g.data, f.z.data, n, out)
		return sums
	}
	if b := f.layer.Bias; b != nil {
		minus := make([]float32, out)
		kernels.ScaleTo(minus, b.data, -1)
		kernels.AddBias(f.y.data, minus, n, out)
	}
	kernels.MulColumnsGrad(sums, g.data, f.y.data, n, out)
	return sums
}
