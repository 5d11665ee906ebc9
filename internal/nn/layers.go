package nn

import (
	"math"

	"moslava/internal/autograd"
)

// Linear computes x·Weightᵀ + Bias, plus what its Adapter adds, if it has one. Towers build
// Linears and never look at Adapter.
type Linear struct {
	Name    string
	Weight  *Param // [out, in]
	Bias    *Param // [out], or nil
	Adapter Adapter
}

// Adapter adds a trainable term to a Linear.
type Adapter interface {
	// LowRank is the term, as the tape knows it.
	LowRank() *autograd.LowRank
	// MergeInto changes the weight [out, in] so that it has the adapter's effect by itself.
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
func (l *Linear) Out() int { return l.Weight.Shape[0] }

// In is the width of the layer's input.
func (l *Linear) In() int { return l.Weight.Shape[1] }

// RowNorms are the lengths of the rows of Weight, [out].
func (l *Linear) RowNorms() []float32 { return l.Weight.matrix().RowNorms() }

// Forward maps x [..., in] to [n, out].
func (l *Linear) Forward(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	return Linears(t, autograd.Kept(x), l)[0]
}

// Linears is Forward of layers that read the same x.
func Linears(t *autograd.Tape, x autograd.Lazy, ls ...*Linear) []*autograd.Var {
	layers := make([]autograd.Layer, len(ls))
	for i, l := range ls {
		layers[i] = l.layer()
	}
	return t.Linears(x, layers...)
}

// Last is Forward of the last layer of a block that may be a checkpoint (see autograd.Tape.LastLinear).
func (l *Linear) Last(t *autograd.Tape, x autograd.Lazy) *autograd.Var {
	return t.LastLinear(x, l.layer())
}

func (l *Linear) layer() autograd.Layer {
	out := autograd.Layer{W: l.Weight.matrix()}
	if l.Bias != nil {
		out.Bias = l.Bias.v
	}
	if l.Adapter != nil {
		out.Low = l.Adapter.LowRank()
	}
	return out
}

// Rewrite changes the elements of Weight, which stays packed as it was.
func (l *Linear) Rewrite(f func(w []float32)) { l.Weight.rewrite(f) }

// Merge folds the adapter into Weight for good and drops it.
func (l *Linear) Merge() {
	if l.Adapter == nil {
		return
	}
	l.Weight.rewrite(l.Adapter.MergeInto)
	l.Adapter = nil
}

// Embedding is a table of rows.
type Embedding struct{ Weight *Param } // [V, D]

// Embedding declares a table of n rows of d.
func (s *Scope) Embedding(name string, n, d int) *Embedding {
	e := &Embedding{s.In(name).Param("weight", Normal(1/math.Sqrt(float64(d))), n, d)}
	s.b.round(e.Weight)
	return e
}

// Forward looks up ids: [len(ids), D].
func (e *Embedding) Forward(t *autograd.Tape, ids []int32) *autograd.Var {
	if e.Weight.v == nil {
		return e.Weight.rows(ids)
	}
	return t.Embedding(e.Weight.v, ids)
}

// Head maps hidden states to logits. It is no Linear: adapters are not attached to it (XTuner's
// "all linear" leaves it out, too), and its weight may be an embedding's.
type Head struct {
	Weight *Param // [V, D]
	tied   bool   // Weight is an embedding's, which needs the plain form
}

// Head declares an output layer of its own.
func (s *Scope) Head(name string, d, v int) *Head {
	return s.head(&Head{Weight: s.In(name).Param("weight", Normal(0.02), v, d)})
}

// TiedHead is the output layer that shares an embedding's table.
func (s *Scope) TiedHead(e *Embedding) *Head { return s.head(&Head{Weight: e.Weight, tied: true}) }

func (s *Scope) head(h *Head) *Head {
	s.b.round(h.Weight)
	s.b.params.heads = append(s.b.params.heads, h)
	return h
}

// Logits maps x [n, D] to [n, V].
func (h *Head) Logits(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	return t.Linear(x, h.Weight.matrix(), nil)
}

// Loss is the summed cross-entropy of rows x [n, D] against targets [n], on the tape and in float64.
func (h *Head) Loss(t *autograd.Tape, x *autograd.Var, targets []int32) (*autograd.Var, float64) {
	return t.CrossEntropy(x, h.Weight.matrix(), targets)
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
