package nn

import (
	"math"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// Linear computes x·Weightᵀ + Bias, plus what its Adapter adds, if it has one. Towers build
// Linears and never look at Adapter.
type Linear struct {
	Name    string
	Weight  *Param // [out, in]; of an embedding, which is a linear layer of one-hot x, [in, out]
	Bias    *Param // [out], or nil
	Adapter Adapter
	lookup  bool // it is an embedding
}

// Adapter makes of a Linear one that is adapted.
type Adapter interface {
	// Adapt gives a layer of the tape what the adapter has for it: a term beside the weight, a scaling of both, another bias.
	Adapt(t *autograd.Tape, layer *autograd.Layer)
	// MergeInto changes the weight, [out, in] or an embedding's [in, out], so that it has the adapter's effect by itself.
	MergeInto(weight []float32)
	// Params are the adapter's own parameters.
	Params() []*Param
}

// Linear declares a linear layer with a bias.
func (s *Scope) Linear(name string, in, out int) *Linear {
	l := s.LinearNoBias(name, in, out)
	l.Bias = s.In(name).Param("bias", Zeros, out)
	return l
}

// LinearNoBias declares a linear layer without a bias.
func (s *Scope) LinearNoBias(name string, in, out int) *Linear {
	return s.linear(name, in, out, KaimingUniform)
}

// LinearToResidual declares a linear layer whose output is added to a residual stream, one of n that are. It starts small,
// N(0, 1/(4·in·n)), so that at first the stream holds what has entered it.
func (s *Scope) LinearToResidual(name string, in, out int, bias bool, n int) *Linear {
	l := s.linear(name, in, out, Normal(0.5/math.Sqrt(float64(in*n))))
	if bias {
		l.Bias = s.In(name).Param("bias", Zeros, out)
	}
	return l
}

func (s *Scope) linear(name string, in, out int, init Init) *Linear {
	l := &Linear{Name: join(s.path, name), Weight: s.In(name).Param("weight", init, out, in)}
	s.b.round(l.Weight)
	s.b.params.linears = append(s.b.params.linears, l)
	return l
}

// Out and In are the dimensions of the layer.
func (l *Linear) Out() int {
	if l.lookup {
		return l.Weight.Shape[1]
	}
	return l.Weight.Shape[0]
}

// In is the width of the layer's input; of an embedding the number of its rows.
func (l *Linear) In() int {
	if l.lookup {
		return l.Weight.Shape[0]
	}
	return l.Weight.Shape[1]
}

// Lookup reports whether the layer is an embedding, whose weight lies as [in, out].
func (l *Linear) Lookup() bool { return l.lookup }

// RowNorms are the lengths of what Weight has for each of the layer's outputs, [out]: its rows, or an embedding's
// columns.
func (l *Linear) RowNorms() []float32 {
	if l.lookup {
		return l.Weight.matrix().ColumnNorms()
	}
	return l.Weight.matrix().RowNorms()
}

// Forward maps x [..., in] to [n, out].
func (l *Linear) Forward(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	return Linears(t, autograd.Kept(x), l)[0]
}

// Linears is Forward of layers that read the same x.
func Linears(t *autograd.Tape, x autograd.Lazy, ls ...*Linear) []*autograd.Var {
	layers := make([]autograd.Layer, len(ls))
	for i, l := range ls {
		layers[i] = l.layer(t)
	}
	return t.Linears(x, layers...)
}

// Last is Forward of the last layer of a block that may be a checkpoint (see autograd.Tape.LastLinear).
func (l *Linear) Last(t *autograd.Tape, x autograd.Lazy) *autograd.Var {
	return t.LastLinear(x, l.layer(t))
}

func (l *Linear) layer(t *autograd.Tape) autograd.Layer {
	out := autograd.Layer{W: l.Weight.matrix()}
	if l.Bias != nil {
		out.Bias = l.Bias.v
	}
	if l.Adapter != nil {
		l.Adapter.Adapt(t, &out)
	}
	return out
}

// Rewrite changes the elements of Weight, which stays packed as it was.
func (l *Linear) Rewrite(f func(w []float32)) { l.Weight.Rewrite(f) }

// Merge folds the adapter into Weight for good and drops it. What it adds to a bias is the caller's: see ShiftBias.
func (l *Linear) Merge() {
	if l.Adapter == nil {
		return
	}
	l.Weight.Rewrite(l.Adapter.MergeInto)
	l.Adapter = nil
}

// ShiftBias adds scale·by to Bias, which must be there.
func (l *Linear) ShiftBias(scale float32, by []float32) {
	l.Bias.Rewrite(func(b []float32) { kernels.Axpy(b, scale, by) })
}

// RMSNorm scales rows to unit root mean square.
type RMSNorm struct {
	Weight *Param
	Eps    float64
}

// RMSNorm declares a norm over d columns.
func (s *Scope) RMSNorm(name string, d int, eps float64) *RMSNorm {
	return &RMSNorm{s.In(name).Param("weight", Ones, d), eps}
}

// Forward normalises the rows of x.
func (n *RMSNorm) Forward(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	return t.RMSNorm(x, n.Weight.v, n.Eps)
}

// Lazy is Forward for Linears to compute.
func (n *RMSNorm) Lazy(x *autograd.Var) autograd.Lazy {
	return autograd.LazyRMSNorm(x, n.Weight.v, n.Eps)
}

// LayerNorm brings rows to zero mean and unit variance.
type LayerNorm struct {
	Weight, Bias *Param
	Eps          float64
}

// LayerNorm declares a norm over d columns.
func (s *Scope) LayerNorm(name string, d int, eps float64) *LayerNorm {
	in := s.In(name)
	return &LayerNorm{in.Param("weight", Ones, d), in.Param("bias", Zeros, d), eps}
}

// Forward normalises the rows of x.
func (n *LayerNorm) Forward(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	return t.LayerNorm(x, n.Weight.v, n.Bias.v, n.Eps)
}

// Lazy is Forward for Linears to compute.
func (n *LayerNorm) Lazy(x *autograd.Var) autograd.Lazy {
	return autograd.LazyLayerNorm(x, n.Weight.v, n.Bias.v, n.Eps)
}

// Vars are the variables that layers read: linears with their biases and adapters, and norms. Packed
// weights, which are never trained, are left out.
func Vars(layers ...any) []*autograd.Var {
	var out []*autograd.Var
	add := func(ps ...*Param) {
		for _, p := range ps {
			if p != nil && p.v != nil {
				out = append(out, p.v)
			}
		}
	}
	for _, l := range layers {
		switch l := l.(type) {
		case *Linear:
			add(l.Weight, l.Bias)
			if l.Adapter != nil {
				add(l.Adapter.Params()...)
			}
		case *RMSNorm:
			add(l.Weight)
		case *LayerNorm:
			add(l.Weight, l.Bias)
		case *Param:
			add(l)
		}
	}
	return out
}
