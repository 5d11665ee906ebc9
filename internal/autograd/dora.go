package autograd

import (
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
		row := make([]float32, in)
		for j := lo; j < hi; j++ {
			if m.Packed != nil {
				m.Packed.Row(j, row)
			} else {
				row = m.Var.data[j*in:][:in]
			}
			for _, v := range row {
				squares[j] += float64(v) * float64(v)
			}
		}
	})
	return squares
}

// gain is m over the norms, and the norms. They come from ‖w‖² + 2s·w·(BMA)ᵀ + s²‖BMA‖², so that no matrix of W's size is made:
// with B = 0 they are W's to the bit.
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

// rowNorms are those of W + Scale·B·M·A; squares are W's.
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
			var with, own float64
			for k := range r {
				b := float64(w.B.data[j*r+k])
				with += b * float64(cross.data[k*out+j])
				own += b * float64(both.data[j*r+k])
			}
			norms[j] = float32(math.Sqrt(max(0, squares[j]+2*s*with+s*s*own)))
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

// Apply scales y [rows, out], which is x·Wᵀ + Scale·x·(B·M·A)ᵀ, without a tape.
func (g *Magnitude) Apply(rows int, y []float32, w Matrix, low *LowRank) {
	gain, _ := g.gain(w, low)
	kernels.MulColumns(y, y, gain, rows, len(gain))
}

// magnitude is the operation: z·diag(gain) + b.
type magnitude struct {
	z           *Var
	layer       Layer
	gain, norms []float32
}

func (f *magnitude) Operands() []mat.Tensor {
	return tensors(f.z, f.layer.Low.Magnitude.Var, f.layer.Bias)
}

func (f *magnitude) Forward() (mat.Tensor, error) {
	m := f.layer.Low.Magnitude
	if m.Var.Size() != f.z.Cols() {
		return nil, fmt.Errorf("a magnitude of %d does not fit %v", m.Var.Size(), f.z.shape)
	}
	f.gain, f.norms = m.gain(f.layer.W, f.layer.Low)
	y := newVar(f.z.shape...)
	kernels.MulColumns(y.data, f.z.data, f.gain, f.z.Rows(), f.z.Cols())
	if f.layer.Bias != nil {
		kernels.AddBias(y.data, f.layer.Bias.data, y.Rows(), y.Cols())
	}
	return y, nil
}

func (f *magnitude) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	n, out := f.z.Rows(), f.z.Cols()
	if f.layer.Bias.RequiresGrad() {
		kernels.SumRows(f.layer.Bias.gradBuffer(), g.data, n, out)
	}
	if m := f.layer.Low.Magnitude.Var; m.RequiresGrad() {
		sums := make([]float32, out)
		kernels.MulColumnsGrad(sums, g.data, f.z.data, n, out)
		for j, grad := range m.gradBuffer() {
			if f.norms[j] > 0 {
				m.grad.data[j] = grad + sums[j]/f.norms[j]
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
