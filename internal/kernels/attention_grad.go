package kernels

// Backward writes dq, dk and dv, shaped like q, k and v, from dout and what Forward left. Each head sums
// over its queries; heads that share keys are then added in order.
func (a *Attention) Backward(on Workers, dq, dk, dv, dout, out, lse, q, k, v []float32, spans []Span) {
	rep, lk := a.H/a.KV, a.KV*a.D
	if rep == 1 {
		on.Each(len(spans)*a.H, func(t int) {
			s, h := spans[t/a.H], t%a.H
			at := s.K0*lk + h*a.D
			a.headBackward(dq, dk[at:], dv[at:], lk, dout, out, lse, q, k, v, s, h)
		})
		return
	}
	starts, keys := make([]int, len(spans)), 0
	for i, s := range spans {
		starts[i] = keys
		keys += s.KN
	}
	wide := a.H * a.D
	parts := getPack(2 * keys * wide)
	defer packPool.Put(parts)
	dks, dvs := (*parts)[:keys*wide], (*parts)[keys*wide:]
	on.Each(len(spans)*a.H, func(t int) {
		i, h := t/a.H, t%a.H
		at := starts[i]*wide + h*a.D
		a.headBackward(dq, dks[at:], dvs[at:], wide, dout, out, lse, q, k, v, spans[i], h)
	})
	for i, s := range spans {
		on.Rows(s.KN, grainFor(2*wide), func(lo, hi int) {
			for j := lo; j < hi; j++ {
				for g := range a.KV {
					from, to := (starts[i]+j)*wide+g*rep*a.D, (s.K0+j)*lk+g*a.D
					sumHeads(dk[to:][:a.D], dks[from:][:rep*a.D])
					sumHeads(dv[to:][:a.D], dvs[from:][:rep*a.D])
				}
			}
		})
	}
}

// sumHeads sets dst to the sum of the parts of x that are as long.
func sumHeads(dst, x []float32) {
	d := len(dst)
	vecAdd(dst, x[:d], x[d:2*d])
	for x = x[2*d:]; len(x) > 0; x = x[d:] {
		vecAdd(dst, dst, x[:d])
	}
}

// headBackward writes dq of head h, and its part of dk and dv, whose rows are lg apart.
func (a *Attention) headBackward(dq, dk, dv []float32, lg int, dout, out, lse, q, k, v []float32, s Span, h int) {
	lq, lk := a.H*a.D, a.KV*a.D
	at := s.K0*lk + h/(a.H/a.KV)*a.D
	for j := range s.KN {
		clear(dk[j*lg:][:a.D])
		clear(dv[j*lg:][:a.D])
	}
	wide, flat := up16(s.KN), up16(a.D)
	buf := getFloats(2*wide*a.D + s.KN*flat + queryBlock*(a.D+2*flat+2*wide))
	defer floatPool.Put(buf)
	kt, rest := packAll(NK(k[at:], s.KN, a.D, lk), *buf)
	vt, rest := packAll(NK(v[at:], s.KN, a.D, lk), rest)
	kp, rest := packAll(KN(k[at:], s.KN, a.D, lk), rest)
	qs, rest := rest[:queryBlock*a.D], rest[queryBlock*a.D:]
	p, dp := rest[2*queryBlock*flat:][:queryBlock*wide], rest[queryBlock*(2*flat+wide):]
	sc := scratchPool.Get().(*scratch)
	defer scratchPool.Put(sc)
	for i0 := 0; i0 < s.QN; i0 += queryBlock {
		n := min(queryBlock, s.QN-i0)
		row0 := (s.Q0+i0)*lq + h*a.D
		a.scaledQueries(qs, q, s.Q0+i0, n, h)
		dop, more := packAll(KN(dout[row0:], n, a.D, lq), rest)
		qp, _ := packAll(KN(qs, n, a.D, a.D), more)
		lo, _ := a.visible(s, i0)
		lo &^= nr - 1
		_, hi := a.visible(s, i0+n-1)
		w := up16(hi - lo)
		eachTile(n, func(t0, t1 int) {
			_, end := a.visible(s, i0+t1-1)
			end -= lo
			kt.mul(qs, n, t0, t1, a.D, 1, 0, a.D, lo, end, p, w, false, sc)
			vt.mul(dout[row0:], n, t0, t1, lq, 1, 0, a.D, lo, end, dp, w, false, sc)
			for i := t0; i < t1; i++ {
				o := row0 + i*lq
				l, r := a.visible(s, i0+i)
				slopes(p[i*w:][:hi-lo], dp[i*w:][:hi-lo], l-lo, r-lo, lse[(s.Q0+i0+i)*a.H+h], Dot(dout[o:][:a.D], out[o:][:a.D]))
			}
			kp.mul(dp, n, t0, t1, w, 1, lo, end, 0, a.D, dq[row0:], lq, false, sc)
		})
		eachTile(hi-lo, func(t0, t1 int) {
			dop.mul(p, hi-lo, t0, t1, 1, w, 0, n, 0, a.D, dv[lo*lg:], lg, true, sc)
			qp.mul(dp, hi-lo, t0, t1, 1, w, 0, n, 0, a.D, dk[lo*lg:], lg, true, sc)
		})
		for i := range n {
			Scale(dq[row0+i*lq:][:a.D], a.Scale)
		}
	}
}

// slopes turns a row of scores into probabilities, and of their gradients into the scores' gradients;
// only l..r is visible and the rest becomes zero.
func slopes(p, dp []float32, l, r int, lse, mean float32) {
	clear(p[:l])
	clear(p[r:])
	clear(dp[:l])
	clear(dp[r:])
	p, dp = p[l:r], dp[l:r]
	Exp(p, p, lse)
	vecCentreMul(dp, p, mean)
}
