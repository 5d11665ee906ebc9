package kernels

import (
	"fmt"
	"testing"
)

// TestAttentionOverPanelsHasForwardsBits appends sequences to panels in pieces, after a prefix that another
// sequence computed, and compares with attention over plain keys and values.
func TestAttentionOverPanelsHasForwardsBits(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	eachPath(t, func(t *testing.T) {
		for _, a := range []Attention{
			{H: 4, KV: 2, D: 8, Scale: 0.3, Causal: true}, {H: 9, KV: 3, D: 64, Scale: 0.125, Causal: true},
			{H: 3, KV: 3, D: 20, Scale: 0.2, Causal: true, Window: 21}, {H: 32, KV: 2, D: 16, Scale: 0.25, Causal: true},
		} {
			for _, lens := range [][]int{{1}, {5, 1, 1}, {15, 1, 1}, {16, 17, 1}, {70, 33, 1, 1}, {250, 5, 1, 1, 90, 1}, {600, 1, 1}} {
				for _, threads := range []int{1, 3} {
					on = Workers(threads)
					keepsBits(t, a, lens)
				}
			}
		}
	})
}

// keepsBits puts lens[0] positions into one KV, the first of them go on in a second one of another capacity.
func keepsBits(t *testing.T, a Attention, lens []int) {
	total := 0
	for _, n := range lens {
		total += n
	}
	lq, lk := a.H*a.D, a.KV*a.D
	q, k, v := draw(1, total*lq), draw(2, total*lk), draw(3, total*lk)
	mem := func(capacity int) []float32 {
		m := make([]float32, KVSize(a.KV, a.D, capacity))
		for i := range m {
			m[i] = nan
		}
		return m
	}
	shared := NewKV(mem(lens[0]), a.KV, a.D, lens[0])
	own := NewKV(mem(total+3), a.KV, a.D, total+3)
	out, lse := make([]float32, total*lq), make([]float32, total*a.H)
	other, alone := make([]float32, total*lq), make([]float32, total*lq)
	at := 0
	for i, n := range lens {
		c := &shared
		if i > 0 {
			c = &own
		}
		if i == 1 {
			own.CopyFrom(&shared, at)
		}
		c.Put(at, k[at*lk:], v[at*lk:], n)
		span := KVSpan{Q0: at, QN: n, Len: at + n, KV: c}
		spans := []KVSpan{span}
		a.ForwardKV(on, alone, q, spans)
		if n == 1 && at > 0 { // beside another sequence
			beside := NewKV(mem(2), a.KV, a.D, 2)
			beside.Put(0, k, v, 1)
			spans = append(spans, KVSpan{Q0: at - 1, QN: 1, Len: 1, KV: &beside})
		}
		a.ForwardKV(on, other, q, spans)
		a.Forward(on, out, lse, q, k, v, []Span{{Q0: at, QN: n, KN: at + n}})
		sameBits(t, fmt.Sprintf("%+v, piece %d of %v", a, i, lens), alone[at*lq:(at+n)*lq], out[at*lq:(at+n)*lq])
		sameBits(t, fmt.Sprintf("%+v, piece %d of %v beside another", a, i, lens), other[at*lq:(at+n)*lq], out[at*lq:(at+n)*lq])
		at += n
	}
}
