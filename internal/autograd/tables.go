package autograd

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"
)

// Operations of adapters on the vocabulary's tables: an embedding takes columns of A where a linear layer multiplies, and logits that come
// from more than one product have their loss apart from the head.

// lookup takes columns of a matrix.
type lookup struct {
	a   *Var
	ids []int32
}

// Lookup returns columns ids of a [r, V] as rows, [len(ids), r]: a·x for one-hot x.
func (t *Tape) Lookup(a *Var, ids []int32) *Var { return t.Apply(&lookup{a, ids}) }

func (f *lookup) Operands() []mat.Tensor { return tensors(f.a) }

func (f *lookup) Forward() (mat.Tensor, error) {
	r, n := f.a.Rows(), f.a.Cols()
	for i, id := range f.ids {
		if id < 0 || int(id) >= n {
			return nil, fmt.Errorf("id %d at position %d, there are %d columns", id, i, n)
		}
	}
	y := newVar(f.a.dev, len(f.ids), r)
	y.dev.GatherTurned(y.buf, f.a.buf, f.ids, r, n)
	return y, nil
}

func (f *lookup) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	g.dev.AddTurned(f.a.gradBuffer(), g.buf, f.ids, f.a.Rows(), f.a.Cols())
	g.release()
	return nil
}

type transpose struct{ x *Var }

// Transpose returns x [n, m] as [m, n].
func (t *Tape) Transpose(x *Var) *Var { return t.Apply(&transpose{x}) }

func (f *transpose) Operands() []mat.Tensor { return tensors(f.x) }

func (f *transpose) Forward() (mat.Tensor, error) { return turned(f.x), nil }

func (f *transpose) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	f.x.AccGrad(turned(g))
	g.release()
	return nil
}

func turned(x *Var) *Var {
	n, m := x.Rows(), x.Cols()
	y := newVar(x.dev, m, n)
	y.dev.Transpose(y.buf, x.buf, n, m)
	return y
}

type spliceColumns struct {
	x, cols *Var
	at      []int32
}

// SpliceColumns returns x [n, m] with column at[j] replaced by cols[:, j]; cols is [n, len(at)]. A column is replaced at most once.
func (t *Tape) SpliceColumns(x, cols *Var, at []int32) *Var {
	return t.Apply(&spliceColumns{x, cols, at})
}

func (f *spliceColumns) Operands() []mat.Tensor { return tensors(f.x, f.cols) }

func (f *spliceColumns) Forward() (mat.Tensor, error) {
	n, m, k := f.x.Rows(), f.x.Cols(), len(f.at)
	if f.cols.Rows() != n || f.cols.Cols() != k {
		return nil, fmt.Errorf("%v columns for %d places in %v", f.cols.shape, k, f.x.shape)
	}
	y := newVar(f.x.dev, n, m)
	y.dev.Copy(y.buf, f.x.buf)
	y.dev.SetColumns(y.buf, f.cols.buf, f.at, n)
	return y, nil
}

func (f *spliceColumns) Backward(gy mat.Tensor) error {
	g := gy.(*Var)
	n := f.x.Rows()
	dc := newVar(g.dev, n, len(f.at))
	g.dev.CutColumns(dc.buf, g.buf, f.at, n)
	if f.cols.RequiresGrad() {
		f.cols.AccGrad(dc)
	} else {
		dc.release()
	}
	if f.x.RequiresGrad() {
		f.x.AccGrad(g)
	} else {
		g.release()
	}
	return nil
}

// logitLoss is crossEntropy for logits that are there.
type logitLoss struct {
	logits  *Var
	targets []int32
	grad    *Var // of the logits
	loss    float64
}

// LogitLoss returns the sum over rows of -log softmax(logits)[target], natural logarithm, as [1], and the same sum in float64. Logits are
// [n, V], rows that have a target and no others.
func (t *Tape) LogitLoss(logits *Var, targets []int32) (*Var, float64) {
	f := &logitLoss{logits: logits, targets: targets}
	v := t.Apply(f)
	return v, f.loss
}

func (f *logitLoss) Operands() []mat.Tensor { return tensors(f.logits) }

func (f *logitLoss) Forward() (mat.Tensor, error) {
	n, v := f.logits.Rows(), f.logits.Cols()
	if len(f.targets) != n {
		return nil, fmt.Errorf("%d targets for logits %v", len(f.targets), f.logits.shape)
	}
	for i, t := range f.targets {
		if t < 0 || int(t) >= v {
			return nil, fmt.Errorf("target %d of row %d, the vocabulary has %d", t, i, v)
		}
	}
	dev := f.logits.dev
	f.grad = newVar(dev, n, v)
	dev.Copy(f.grad.buf, f.logits.buf)
	f.loss = dev.CrossEntropy(f.grad.buf, f.targets, v)
	return scalar(dev, float32(f.loss)), nil
}

func (f *logitLoss) Backward(gy mat.Tensor) error {
	dev := f.grad.dev
	dev.ScaleTo(f.grad.buf, f.grad.buf, dev.Item(gy.(*Var).buf))
	gy.(*Var).release()
	f.logits.AccGrad(f.grad)
	f.grad = nil
	return nil
}

func (f *logitLoss) release() { f.grad.release() }

// AdaptRows makes of x, rows ids of an embedding's weight [in, out], what they are with the layer's term and magnitude. It takes x's memory.
func (t *Tape) AdaptRows(x *Var, l Layer, ids []int32) *Var {
	if x = t.Add(x, l.Low.Of(t, ids)); l.Magnitude != nil {
		x = t.Apply(&magnitude{z: x, layer: l, table: true})
	}
	return x
}

// Of is Scale·M·A's part of an embedding on the tape: what the adapter adds to rows ids of a table of which A has a column each, [len(ids), out].
// Nothing is dropped.
func (w *LowRank) Of(t *Tape, ids []int32) *Var {
	v := t.Lookup(w.A, ids)
	if w.M != nil {
		v = t.Linear(v, Matrix{Var: w.M}, nil)
	}
	scale := make([]float32, w.rank())
	for i := range scale {
		scale[i] = w.Scale
	}
	return t.Linear(t.MulColumns(v, New(scale, len(scale))), Matrix{Var: w.B}, nil)
}

// Turned is the same term for the transposed weight: Aᵀ·Mᵀ·Bᵀ.
func (w *LowRank) Turned(t *Tape) *LowRank {
	out := &LowRank{A: t.Transpose(w.B), B: t.Transpose(w.A), Scale: w.Scale}
	if w.M != nil {
		out.M = t.Transpose(w.M)
	}
	return out
}
