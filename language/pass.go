package language

import (
	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// pass is what one forward pass computes, beside the rows themselves.
type pass struct {
	pos   []int32 // of each row
	table *kernels.RopeTable
	keys  keys
	some  *selection // rows that leave the last block; nil: all
}

// keys are what queries attend over: the rows of this pass, or those of earlier ones as well.
type keys interface {
	// attend is a block's attention for queries of all rows, or of those in some, once k and v of all rows are there.
	attend(t *autograd.Tape, b *block, q, k, v *autograd.Var, some *selection) *autograd.Var
}

// ownKeys are those of the pass alone, whole sequences.
type ownKeys []kernels.Span

func (spans ownKeys) attend(t *autograd.Tape, b *block, q, k, v *autograd.Var, some *selection) *autograd.Var {
	if some != nil {
		spans = some.spans
	}
	return t.Attention(q, k, v, b.attention(), spans)
}

// Rows are sequences laid end to end.
type Rows struct {
	Offsets   []int32 // [B+1], sequence b is rows Offsets[b] to Offsets[b+1]
	Positions []int32 // [N], which angles turn each row; nil: they count from 0 in each sequence
}

// sequences is a pass over whole sequences.
func (d *Decoder) sequences(r Rows) (*pass, ownKeys) {
	spans, p := make(ownKeys, len(r.Offsets)-1), &pass{pos: r.Positions}
	for b := range spans {
		lo, hi := int(r.Offsets[b]), int(r.Offsets[b+1])
		spans[b] = kernels.Span{Q0: lo, QN: hi - lo, K0: lo, KN: hi - lo}
		if r.Positions == nil {
			p.pos = count(p.pos, 0, hi-lo)
		}
	}
	p.keys, p.table = spans, d.rope.upTo(after(p.pos))
	return p, spans
}

// count appends n positions from first on.
func count(pos []int32, first, n int) []int32 {
	for i := range n {
		pos = append(pos, int32(first+i))
	}
	return pos
}

// after is the position after the highest one.
func after(pos []int32) int {
	n := int32(0)
	for _, p := range pos {
		n = max(n, p+1)
	}
	return int(n)
}

// selection is some rows of a pass, and the queries with which a block computes them.
type selection struct {
	rows    []int32
	queries []int32        // rows that ask: of each sequence those from its first in rows to its end, or else the last
	pos     []int32        // of each query
	spans   []kernels.Span // of queries over the keys of all rows; none over a cache, which has its own
	among   []int32        // where rows are among queries
}

// choose selects rows, given in ascending order, of sequences with the positions pos. A sequence that has none asks once, because keys and values that nobody asks would
// have no gradient at all.
func (spans ownKeys) choose(rows, pos []int32) *selection {
	s := &selection{rows: rows}
	for _, span := range spans {
		end := int32(span.K0 + span.KN)
		from := end - 1
		if len(rows) > 0 && rows[0] < end {
			from = rows[0]
		}
		if span.KN == 0 {
			continue
		}
		q0 := len(s.queries)
		for r := from; r < end; r++ {
			if len(rows) > 0 && rows[0] == r {
				s.among = append(s.among, int32(len(s.queries)))
				rows = rows[1:]
			}
			s.queries = append(s.queries, r)
			s.pos = append(s.pos, pos[r])
		}
		s.spans = append(s.spans, kernels.Span{Q0: q0, QN: len(s.queries) - q0, K0: span.K0, KN: span.KN})
	}
	return s
}
