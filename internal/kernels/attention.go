package kernels

import (
	"math"
	"sync"
)

// Attention describes scaled dot-product attention over sequences that lie end to end.
// Rows of q and out are H*D wide, rows of k and v KV*D.
type Attention struct {
	H, KV, D int
	Scale    float32
	Causal   bool // key j is visible to query i of n queries and m keys when j <= i + m - n
	Window   int  // with Causal: and j > i + m - n - Window; 0 is no window
}

// Span is one sequence: queries Q0..Q0+QN of q, keys and values K0..K0+KN of k and v.
type Span struct{ Q0, QN, K0, KN int }

const queryBlock = 48

var floatPool = sync.Pool{New: func() any { return new([]float32) }}

func getFloats(n int) *[]float32 {
	p := floatPool.Get().(*[]float32)
	if cap(*p) < n {
		*p = make([]float32, n)
	}
	*p = (*p)[:n]
	return p
}

// visible returns the keys [lo, hi) that query i of s may see.
func (a *Attention) visible(s Span, i int) (lo, hi int) {
	if !a.Causal {
		return 0, s.KN
	}
	hi = i + s.KN - s.QN + 1
	if a.Window > 0 {
		lo = max(0, hi-a.Window)
	}
	return lo, hi
}

// Forward writes out [queries, H*D] and lse [queries, H], the log-sum-exp of each row of scores.
func (a *Attention) Forward(out, lse, q, k, v []float32, spans []Span) {
	Each(len(spans)*a.H, func(t int) {
		s, h := spans[t/a.H], t%a.H
		g := h / (a.H / a.KV)
		lq, lk := a.H*a.D, a.KV*a.D
		kk, vv := k[s.K0*lk+g*a.D:], v[s.K0*lk+g*a.D:]
		buf := getFloats(queryBlock * (s.KN + a.D))
		defer floatPool.Put(buf)
		qs, p := (*buf)[:queryBlock*a.D], (*buf)[queryBlock*a.D:]
		for i0 := 0; i0 < s.QN; i0 += queryBlock {
			n := min(queryBlock, s.QN-i0)
			a.scaledQueries(qs, q, s.Q0+i0, n, h)
			lo, _ := a.visible(s, i0)
			_, hi := a.visible(s, i0+n-1)
			w := hi - lo
			mul1(n, qs, a.D, 1, NK(kk[lo*lk:], w, a.D, lk), p, w, false)
			for i := range n {
				l, r := a.visible(s, i0+i)
				row := p[i*w:][:w]
				clear(row[:l-lo])
				clear(row[r-lo:])
				lse[(s.Q0+i0+i)*a.H+h] = float32(Softmax(row[l-lo : r-lo]))
			}
			mul1(n, p, w, 1, KN(vv[lo*lk:], w, a.D, lk), out[(s.Q0+i0)*lq+h*a.D:], lq, false)
		}
	})
}

func (a *Attention) scaledQueries(dst, q []float32, r0, n, h int) {
	for i := range n {
		src := q[(r0+i)*a.H*a.D+h*a.D:][:a.D]
		d := dst[i*a.D:][:a.D]
		for j, x := range src {
			d[j] = x * a.Scale
		}
	}
}

// Backward writes dq, dk and dv, shaped like q, k and v, from dout and what Forward left.
func (a *Attention) Backward(dq, dk, dv, dout, out, lse, q, k, v []float32, spans []Span) {
	Each(len(spans)*a.KV, func(t int) {
		s, g := spans[t/a.KV], t%a.KV
		lk := a.KV * a.D
		for j := range s.KN {
			clear(dk[(s.K0+j)*lk+g*a.D:][:a.D])
			clear(dv[(s.K0+j)*lk+g*a.D:][:a.D])
		}
		rep := a.H / a.KV
		for h := g * rep; h < (g+1)*rep; h++ {
			a.headBackward(dq, dk, dv, dout, out, lse, q, k, v, s, h, g)
		}
	})
}

func (a *Attention) headBackward(dq, dk, dv, dout, out, lse, q, k, v []float32, s Span, h, g int) {
	lq, lk := a.H*a.D, a.KV*a.D
	at := s.K0*lk + g*a.D
	buf := getFloats(queryBlock * (2*s.KN + a.D))
	defer floatPool.Put(buf)
	qs, p := (*buf)[:queryBlock*a.D], (*buf)[queryBlock*a.D:][:queryBlock*s.KN]
	dp := (*buf)[queryBlock*(a.D+s.KN):]
	for i0 := 0; i0 < s.QN; i0 += queryBlock {
		n := min(queryBlock, s.QN-i0)
		a.scaledQueries(qs, q, s.Q0+i0, n, h)
		lo, _ := a.visible(s, i0)
		_, hi := a.visible(s, i0+n-1)
		w := hi - lo
		row0 := (s.Q0+i0)*lq + h*a.D
		mul1(n, qs, a.D, 1, NK(k[at+lo*lk:], w, a.D, lk), p, w, false)
		mul1(n, dout[row0:], lq, 1, NK(v[at+lo*lk:], w, a.D, lk), dp, w, false)
		for i := range n {
			l, r := a.visible(s, i0+i)
			pr, dr := p[i*w:][:w], dp[i*w:][:w]
			o := row0 + i*lq
			sum := Dot(dout[o:][:a.D], out[o:][:a.D])
			clear(pr[:l-lo])
			clear(pr[r-lo:])
			Exp(pr[l-lo:r-lo], pr[l-lo:r-lo], lse[(s.Q0+i0+i)*a.H+h])
			for j, x := range pr {
				dr[j] = x * (dr[j] - sum)
			}
		}
		mul1(w, p, 1, w, KN(dout[row0:], n, a.D, lq), dv[at+lo*lk:], lk, true)
		mul1(w, dp, 1, w, KN(qs, n, a.D, a.D), dk[at+lo*lk:], lk, true)
		mul1(n, dp, w, 1, KN(k[at+lo*lk:], w, a.D, lk), dq[row0:], lq, false)
		for i := range n {
			Scale(dq[row0+i*lq:][:a.D], a.Scale)
		}
	}
}

// CrossEntropy replaces each row of logits [n, v] by its gradient, softmax minus one at the
// target, and returns the summed loss -log softmax(target), natural logarithm.
func CrossEntropy(logits []float32, targets []int32, v int) float64 {
	loss := make([]float64, len(targets))
	Each(len(targets), func(i int) {
		row := logits[i*v:][:v]
		t := targets[i]
		x := float64(row[t])
		m := Max(row)
		sum := Exp(row, row, m)
		Scale(row, 1/sum)
		row[t]--
		loss[i] = float64(m) + math.Log(float64(sum)) - x
	})
	var s float64
	for _, l := range loss {
		s += l
	}
	return s
}
