package language

import "moslava/internal/kernels"

// Rows are sequences laid end to end.
type Rows struct {
	Offsets   []int32 // [B+1], sequence b is rows Offsets[b] to Offsets[b+1]
	Positions []int32 // [N], which angles turn each row; nil: they count from 0 in each sequence
}

// layout is where sequences laid end to end begin and end.
type layout struct {
	spans []kernels.Span
	pos   []int32 // of each row
	table *kernels.RopeTable
}

func (d *Decoder) layout(r Rows) layout {
	l := layout{spans: make([]kernels.Span, len(r.Offsets)-1), pos: r.Positions}
	for b := range l.spans {
		lo, hi := int(r.Offsets[b]), int(r.Offsets[b+1])
		l.spans[b] = kernels.Span{Q0: lo, QN: hi - lo, K0: lo, KN: hi - lo}
		if r.Positions == nil {
			l.pos = count(l.pos, 0, hi-lo)
		}
	}
	l.table = d.rope.upTo(after(l.pos))
	return l
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

// selection is some rows of a layout, and the queries with which a block computes them.
type selection struct {
	rows    []int32
	queries []int32        // rows that ask: of each sequence those from its first in rows to its end, or else the last
	pos     []int32        // of each query
	spans   []kernels.Span // of queries over the keys of all rows
	among   []int32        // where rows are among queries
}

// at selects rows, given in ascending order. A sequence that has none asks once, because keys and values that nobody asks would
// have no gradient at all.
func (l layout) at(rows []int32) selection {
	s := selection{rows: rows}
	for _, span := range l.spans {
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
			s.pos = append(s.pos, l.pos[r])
		}
		s.spans = append(s.spans, kernels.Span{Q0: q0, QN: len(s.queries) - q0, K0: span.K0, KN: span.KN})
	}
	return s
}
