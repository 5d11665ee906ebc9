package kernels

import (
	"fmt"
	"math"
	"testing"
)

// naive is attention in float64, one query and one key at a time.
type naive struct {
	out, lse, dq, dk, dv []float64
}

func naiveAttention(a Attention, q, k, v, dout []float32, spans []Span) naive {
	lq, lk := a.H*a.D, a.KV*a.D
	r := naive{make([]float64, len(q)), make([]float64, len(q)/a.D), make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(v))}
	dot := func(x, y []float32) (s float64) {
		for i := range a.D {
			s += float64(x[i]) * float64(y[i])
		}
		return s
	}
	for _, s := range spans {
		for t := range s.QN * a.H {
			i, h := t/a.H, t%a.H
			qo := (s.Q0+i)*lq + h*a.D
			ko := func(j int) int { return (s.K0+j)*lk + h/(a.H/a.KV)*a.D }
			last := i + s.KN - s.QN
			p, dp := make([]float64, s.KN), make([]float64, s.KN)
			var sum, mean float64
			for j := range p {
				if a.Causal && (j > last || a.Window > 0 && j <= last-a.Window) {
					continue
				}
				p[j] = math.Exp(float64(a.Scale) * dot(q[qo:], k[ko(j):]))
				sum += p[j]
			}
			r.lse[(s.Q0+i)*a.H+h] = math.Log(sum)
			for j := range p {
				p[j] /= sum
				dp[j] = dot(dout[qo:], v[ko(j):])
				mean += p[j] * dp[j]
			}
			for j := range p {
				ds := p[j] * (dp[j] - mean) * float64(a.Scale)
				for d := range a.D {
					r.out[qo+d] += p[j] * float64(v[ko(j)+d])
					r.dv[ko(j)+d] += p[j] * float64(dout[qo+d])
					r.dq[qo+d] += ds * float64(k[ko(j)+d])
					r.dk[ko(j)+d] += ds * float64(q[qo+d])
				}
			}
		}
	}
	return r
}

func TestAttentionAgainstFloat64(t *testing.T) {
	same := func(lens ...int) (s []Span) {
		at := 0
		for _, n := range lens {
			s = append(s, Span{at, n, at, n})
			at += n
		}
		return s
	}
	cases := []struct {
		a     Attention
		spans []Span
	}{
		{Attention{H: 2, KV: 2, D: 8, Scale: 0.35}, same(1, 5, 47, 48, 49)},
		{Attention{H: 4, KV: 2, D: 6, Scale: 0.4, Causal: true}, same(3, 48, 49, 97, 1)},
		{Attention{H: 4, KV: 1, D: 16, Scale: 0.25, Causal: true}, same(130)},
		{Attention{H: 2, KV: 1, D: 4, Scale: 0.5, Causal: true, Window: 3}, same(2, 3, 4, 100)},
		{Attention{H: 2, KV: 2, D: 5, Scale: 0.5, Causal: true, Window: 60}, same(150)},
		{Attention{H: 2, KV: 1, D: 8, Scale: 0.4, Causal: true}, []Span{{0, 1, 0, 60}, {1, 5, 60, 70}, {6, 50, 130, 420}}}, // as with a cache
		{Attention{H: 2, KV: 1, D: 8, Scale: 0.4, Causal: true, Window: 7}, []Span{{0, 1, 0, 60}, {1, 50, 60, 70}}},
		{Attention{H: 1, KV: 1, D: 8, Scale: 0.4}, []Span{{0, 60, 0, 7}}}, // fewer keys than queries
	}
	eachPath(t, func(t *testing.T) {
		for n, c := range cases {
			a, end := c.a, c.spans[len(c.spans)-1]
			rows, keys := end.Q0+end.QN, end.K0+end.KN
			q, k, v := draw(1, rows*a.H*a.D), draw(2, keys*a.KV*a.D), draw(3, keys*a.KV*a.D)
			dout := draw(4, len(q))
			want := naiveAttention(a, q, k, v, dout, c.spans)
			out, lse := draw(5, len(q)), make([]float32, rows*a.H)
			a.Forward(on, out, lse, q, k, v, c.spans)
			dq, dk, dv := draw(6, len(q)), draw(7, len(k)), draw(8, len(v))
			a.Backward(on, dq, dk, dv, dout, out, lse, q, k, v, c.spans)
			within(t, fmt.Sprint(n, " out"), out, want.out, 1e-6)
			within(t, fmt.Sprint(n, " lse"), lse, want.lse, 2e-6)
			within(t, fmt.Sprint(n, " dq"), dq, want.dq, 3e-6)
			within(t, fmt.Sprint(n, " dk"), dk, want.dk, 6e-6)
			within(t, fmt.Sprint(n, " dv"), dv, want.dv, 6e-6)
		}
	})
}

// A query has the same bits with a cache and in a whole sequence, alone and among other sequences.
func TestAttentionDoesNotDependOnTheBatch(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		a := Attention{H: 4, KV: 2, D: 8, Scale: 0.3, Causal: true}
		const n = 450
		q, k, v := draw(1, 2*n*32), draw(2, 2*n*16), draw(3, 2*n*16)
		both, lse := make([]float32, len(q)), make([]float32, 2*n*a.H)
		a.Forward(on, both, lse, q, k, v, []Span{{0, n, 0, n}, {n, n, n, n}})
		alone := make([]float32, n*32)
		a.Forward(on, alone, lse, q[n*32:], k[n*16:], v[n*16:], []Span{{0, n, 0, n}})
		sameBits(t, "alone", alone, both[n*32:])
		for i := 0; i < n; i += 37 {
			a.Forward(on, alone, lse, q[i*32:], k, v, []Span{{0, 1, 0, i + 1}})
			sameBits(t, fmt.Sprint("query ", i), alone[:32], both[i*32:][:32])
		}
	})
}

func TestAttentionPassesOnNaN(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		a := Attention{H: 2, KV: 2, D: 8, Scale: 0.3}
		for which := range 3 {
			x := [][]float32{draw(1, 20*16), draw(2, 20*16), draw(3, 20*16)}
			x[which][7*16+3] = nan
			out, lse := make([]float32, 20*16), make([]float32, 40)
			a.Forward(on, out, lse, x[0], x[1], x[2], []Span{{0, 20, 0, 20}})
			if v := out[7*16+3]; v == v {
				t.Errorf("a NaN in operand %d is hidden: %g", which, v)
			}
		}
	})
}
