package device

import "math"

// rowsAtATime are worth a worker.
const rowsAtATime = 16

// row is row j of the weight that m is the right-hand side of, in room if it is packed.
func (m Matrix) row(j int, room []float32) []float32 {
	if m.packed == nil {
		return m.buf.host[j*m.ld:][:m.K]
	}
	m.packed.Row(j, room)
	return room
}

// Squares sums in float64.
func (c *CPU) Squares(w Matrix) []float64 {
	if w.across {
		return c.columnSquares(w)
	}
	squares := make([]float64, w.N)
	c.workers.Rows(w.N, rowsAtATime, func(lo, hi int) {
		room := make([]float32, w.K)
		for j := lo; j < hi; j++ {
			for _, v := range w.row(j, room) {
				squares[j] += float64(v) * float64(v)
			}
		}
	})
	return squares
}

// columnSquares is Squares of a weight that lies transposed: its memory is read in the order in which it lies.
func (c *CPU) columnSquares(m Matrix) []float64 {
	squares, lying := make([]float64, m.N), m.T()
	c.workers.Rows(m.N, max(rowsAtATime, (m.N+7)/8), func(lo, hi int) {
		room := make([]float32, m.N)
		for k := range m.K {
			for j, v := range lying.row(k, room)[lo:hi] {
				squares[lo+j] += float64(v) * float64(v)
			}
		}
	})
	return squares
}

// line is row j of a weight that may lie transposed.
func (m Matrix) line(j int) []float32 {
	if !m.across {
		return m.row(j, make([]float32, m.K))
	}
	out, room, lying := make([]float32, m.K), make([]float32, m.N), m.T()
	for k := range out {
		out[k] = lying.row(k, room)[j]
	}
	return out
}

// cancels is the share of what ‖w‖ and the length of Scale·b·M·A, had its terms nothing in common, would make together, squared,
// below which a squared norm is not taken from products in float32: with it a norm is right to 2e-6.
const cancels = 1.0 / 64

// Norms come from ‖w‖² + 2s·w·(bMA)ᵀ + s²‖bMA‖², so that no matrix of W's size is made: with B = 0 they are W's to the bit. Rows in
// which that sum nearly vanishes are added up element by element.
func (c *CPU) Norms(weight Matrix, w LowRank, squares []float64) []float32 {
	out, in, r := weight.N, weight.K, w.R
	ma := w.A
	if !w.M.None() {
		ma = c.Get(r * in)
		c.Mul(r, w.M, r, 1, KN(w.A, r, in, in), ma, in, false)
		defer c.Put(ma)
	}
	cross, gram, both := c.Get(r*out), c.Get(r*r), c.Get(out*r)
	c.Mul(r, ma, in, 1, weight, cross, out, false)
	c.Mul(r, ma, in, 1, NK(ma, r, in, in), gram, r, false)
	c.Mul(out, w.B, r, 1, KN(gram, r, r, r), both, r, false)
	norms := make([]float32, out)
	s := float64(w.Scale)
	c.workers.Rows(out, rowsAtATime, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			var with, own, apart float64
			for k := range r {
				b := float64(w.B.host[j*r+k])
				with += b * float64(cross.host[k*out+j])
				own += b * float64(both.host[j*r+k])
				apart += b * b * float64(gram.host[k*r+k])
			}
			square := squares[j] + 2*s*with + s*s*own
			if most := math.Sqrt(squares[j]) + s*math.Sqrt(apart); !(square >= cancels*most*most) {
				square = w.square(weight, j)
			}
			norms[j] = float32(math.Sqrt(square))
		}
	})
	c.Put(cross)
	c.Put(gram)
	c.Put(both)
	return norms
}

// square is the squared length of row j of W + Scale·B·M·A, in float64 throughout.
func (w *LowRank) square(weight Matrix, j int) (square float64) {
	in, r := weight.K, w.R
	bm := make([]float64, r)
	for k, b := range w.B.host[j*r:][:r] {
		if w.M.None() {
			bm[k] = float64(b)
			continue
		}
		for i, m := range w.M.host[k*r:][:r] {
			bm[i] += float64(b) * float64(m)
		}
	}
	row, delta := weight.line(j), make([]float64, in)
	for k, b := range bm {
		for i, a := range w.A.host[k*in:][:in] {
			delta[i] += b * float64(a)
		}
	}
	for i, v := range row {
		d := float64(v) + float64(w.Scale)*delta[i]
		square += d * d
	}
	return square
}

// Gains are new host arrays: they outlast a step.
func (c *CPU) Gains(magnitudes Buffer, norms []float32) Buffer {
	gains := make([]float32, len(norms))
	for j, n := range norms {
		if gains[j] = 1; n > 0 {
			gains[j] = magnitudes.host[j] / n
		}
	}
	return Wrap(gains)
}

// AddQuotients leaves rows of zeros alone.
func (c *CPU) AddQuotients(dst, sums, per Buffer, norms []float32) {
	for j, n := range norms {
		if n > 0 {
			dst.host[j] += sums.host[j] / per.host[j]
		}
	}
}

// Repeat spreads coefficients over the rows of their blocks.
func (c *CPU) Repeat(dst, coefficients Buffer, blocks []int) {
	at := 0
	for k, n := range blocks {
		for i := range n {
			dst.host[at+i] = coefficients.host[k]
		}
		at += n
	}
}

// AddBlocks sums in float64.
func (c *CPU) AddBlocks(dst, runs Buffer, blocks []int) {
	at := 0
	for k, n := range blocks {
		sum := float64(dst.host[k])
		for _, s := range runs.host[at:][:n] {
			sum += float64(s)
		}
		dst.host[k] = float32(sum)
		at += n
	}
}
