package nn

import (
	"math"
	"slices"

	"moslava/internal/autograd"
)

// Rows replace single rows of a vocabulary's table, as PEFT's trainable tokens do.
type Rows struct {
	IDs    []int32 // which; each once
	Weight *Param  // [len(IDs), D]
}

// at finds the positions of ids that have a row of their own, and which.
func (r *Rows) at(ids []int32) (positions, rows []int32) {
	for i, id := range ids {
		if k := slices.Index(r.IDs, id); k >= 0 {
			positions, rows = append(positions, int32(i)), append(rows, int32(k))
		}
	}
	return positions, rows
}

// mergeInto writes the rows into their places in a table.
func (r *Rows) mergeInto(table []float32) {
	d := r.Weight.Shape[1]
	for k, id := range r.IDs {
		copy(table[int(id)*d:][:d], r.Weight.Floats()[k*d:])
	}
}

// Embedding is a table of rows, Weight [V, D], with what is hung on it. A head that shares the table shares that, too.
type Embedding struct {
	Linear
	Rows *Rows // or nil
}

// Embedding declares a table of n rows of d.
func (s *Scope) Embedding(name string, n, d int) *Embedding {
	e := &Embedding{Linear: Linear{Name: join(s.path, name), Weight: s.In(name).Param("weight", Normal(1/math.Sqrt(float64(d))), n, d), lookup: true}}
	s.b.round(e.Weight)
	s.b.params.embeddings = append(s.b.params.embeddings, e)
	return e
}

// Forward looks up ids: [len(ids), D].
func (e *Embedding) Forward(t *autograd.Tape, ids []int32) *autograd.Var {
	var x *autograd.Var
	if e.Weight.v == nil {
		x = e.Weight.rows(ids)
	} else {
		x = t.Embedding(e.Weight.v, ids)
	}
	if e.Adapter != nil {
		x = t.AdaptRows(x, e.layer(t), ids)
	}
	if e.Rows == nil {
		return x
	}
	positions, rows := e.Rows.at(ids)
	if len(rows) == 0 {
		return x
	}
	return t.Splice(x, t.Embedding(e.Rows.Weight.v, rows), positions)
}

// MergeRows writes rows of their own into the table for good and drops them.
func (e *Embedding) MergeRows() {
	if e.Rows != nil {
		e.Weight.Rewrite(e.Rows.mergeInto)
		e.Rows = nil
	}
}

// Head maps hidden states to logits. Its weight [V, D] may be an embedding's: then adapters and rows on that act on logits as well, and
// none of its own are hung on it before Params.Untie. Linears leaves it out, as XTuner and PEFT leave it out of "all linear".
type Head struct {
	Linear
	Rows *Rows      // or nil
	tied *Embedding // whose table Weight is, and needs the plain form; or nil
}

// Head declares an output layer of its own.
func (s *Scope) Head(name string, d, v int) *Head {
	return s.head(&Head{Linear: Linear{Name: join(s.path, name), Weight: s.In(name).Param("weight", Normal(0.02), v, d)}})
}

// TiedHead is the output layer that shares an embedding's table.
func (s *Scope) TiedHead(name string, e *Embedding) *Head {
	return s.head(&Head{Linear: Linear{Name: join(s.path, name), Weight: e.Weight}, tied: e})
}

func (s *Scope) head(h *Head) *Head {
	s.b.round(h.Weight)
	s.b.params.heads = append(s.b.params.heads, h)
	return h
}

// Tied is the embedding whose table the head shares, or nil.
func (h *Head) Tied() *Embedding { return h.tied }

// MergeRows is Embedding.MergeRows.
func (h *Head) MergeRows() {
	if h.Rows != nil {
		h.Weight.Rewrite(h.Rows.mergeInto)
		h.Rows = nil
	}
}

func (h *Head) rows() *Rows {
	if h.tied != nil {
		return h.tied.Rows
	}
	return h.Rows
}

// plain reports whether logits are x·Weightᵀ and no more.
func (h *Head) plain() bool {
	return h.Adapter == nil && h.rows() == nil && (h.tied == nil || h.tied.Adapter == nil)
}

// Logits maps x [n, D] to [n, V].
func (h *Head) Logits(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	layer := h.layer(t)
	if h.tied != nil && h.tied.Adapter != nil {
		layer.Low = h.tied.layer(t).Low.Turned(t)
	}
	y := t.Linears(autograd.Kept(x), layer)[0]
	if r := h.rows(); r != nil {
		y = t.SpliceColumns(y, t.Linear(x, autograd.Matrix{Var: r.Weight.v}, nil), r.IDs)
	}
	return y
}

// Loss is the summed cross-entropy of rows x [n, D] against targets [n], on the tape and in float64.
func (h *Head) Loss(t *autograd.Tape, x *autograd.Var, targets []int32) (*autograd.Var, float64) {
	if h.plain() {
		return t.CrossEntropy(x, h.Weight.matrix(), targets)
	}
	return t.LogitLoss(h.Logits(t, x), targets)
}

// Embeddings and Heads are the tables.
func (ps *Params) Embeddings() []*Embedding { return ps.embeddings }

// Heads are the output layers.
func (ps *Params) Heads() []*Head { return ps.heads }

// Tables are embeddings and heads with a weight of their own, as layers that adapters attach to.
func (ps *Params) Tables() (out []*Linear) {
	for _, e := range ps.embeddings {
		out = append(out, &e.Linear)
	}
	for _, h := range ps.heads {
		if h.tied == nil {
			out = append(out, &h.Linear)
		}
	}
	return out
}

// Untie gives a head that shares an embedding's table one of its own, with the same elements, in a parameter of its own name. What hangs
// on the table stays with the embedding.
func (ps *Params) Untie(h *Head) {
	old := h.Weight
	p := &Param{Name: join(h.Name, "weight"), Shape: slices.Clone(old.Shape), dev: old.dev, packed: old.packed, round: old.round, kind: old.kind,
		product: old.product, file: old.file}
	switch {
	case old.v == nil: // packed alone, which nothing writes to, or an outline
	case old.packed != nil:
		old.packed = nil // the embedding has the plain form
	default:
		b := old.dev.New(old.Size())
		old.dev.Copy(b, old.v.Buffer())
		p.v = autograd.Of(old.dev, b, old.Shape...)
	}
	h.Weight, h.tied = ps.add(p), nil
}

// AddBias gives a layer without a bias one of zeros.
func (ps *Params) AddBias(l *Linear) {
	if l.Bias == nil {
		dev := l.Weight.dev
		l.Bias = ps.add(newParam(join(l.Name, "bias"), autograd.Of(dev, dev.New(l.Out()), l.Out())))
	}
}
