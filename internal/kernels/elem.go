package kernels

import "math"

// Exp sets dst = exp(src-sub) and returns the sum of dst; the relative error of an element is below
// 3e-7. Below -87.69 the result is 0, above 88.37 it is infinite; NaN stays NaN. dst may be src.
func Exp(dst, src []float32, sub float32) float32 {
	n := len(src) / 8
	var s float32
	if n > 0 {
		s = expSum(n, &src[0], &dst[0], sub)
	}
	if r := len(src) % 8; r > 0 {
		var t [8]float32
		copy(t[:], src[n*8:])
		expSum(1, &t[0], &t[0], sub)
		for i := range r {
			dst[n*8+i] = t[i]
			s += t[i]
		}
	}
	return s
}

// Max returns the largest element, NaN if one is NaN. x must not be empty.
func Max(x []float32) float32 {
	return maxVec(x)
}

// Softmax replaces x by its softmax and returns the logarithm of the sum of exponentials.
func Softmax(x []float32) (lse float64) {
	m := Max(x)
	sum := Exp(x, x, m)
	Scale(x, 1/sum)
	return float64(m) + math.Log(float64(sum))
}

// Scale multiplies x by s, on the calling goroutine.
func Scale(x []float32, s float32) { vecScale(x, x, s) }

// ScaleTo sets dst = s·x, on all workers; dst may be x.
func (on Workers) ScaleTo(dst, x []float32, s float32) {
	on.Rows(len(dst), 1<<14, func(lo, hi int) { vecScale(dst[lo:hi], x[lo:hi], s) })
}

// Copy sets dst = x.
func (on Workers) Copy(dst, x []float32) {
	on.Rows(len(dst), 1<<15, func(lo, hi int) { copy(dst[lo:hi], x[lo:hi]) })
}

// Add sets dst += x.
func (on Workers) Add(dst, x []float32) { on.AddTo(dst, dst, x) }

// Axpy sets dst += s·x.
func Axpy(dst []float32, s float32, x []float32) { vecAxpy(dst, x, s) }

// AddTo sets dst = x + y.
func (on Workers) AddTo(dst, x, y []float32) {
	on.Rows(len(dst), 1<<14, func(lo, hi int) { vecAdd(dst[lo:hi], x[lo:hi], y[lo:hi]) })
}

// Dot returns the sum of x·y, accumulated in 32 lanes.
func Dot(x, y []float32) float32 {
	y = y[:len(x)]
	var lane [32]float32
	n := len(x) &^ 31
	dot(x[:n], y[:n], &lane)
	for w := 16; w > 0; w /= 2 {
		for i := range w {
			lane[i] += lane[i+w]
		}
	}
	s := lane[0]
	for i := n; i < len(x); i++ {
		s += float32(x[i] * y[i])
	}
	return s
}

// SumRows adds the rows of x [rows, d] to dst [d]: the gradient of a bias.
func (on Workers) SumRows(dst, x []float32, rows, d int) {
	on.reduceRows(dst, rows, d, func(part []float32, lo, hi int) {
		for r := lo; r < hi; r++ {
			vecAdd(part, part, x[r*d:][:d])
		}
	})
}

// reduceRows sums over rows in spans of 64 rows, then over spans in order, so that the bits do
// not depend on the number of threads.
func (on Workers) reduceRows(dst []float32, rows, d int, f func(part []float32, lo, hi int)) {
	const grain = 64
	spans := (rows + grain - 1) / grain
	parts := make([]float32, spans*d)
	on.Rows(rows, grain, func(lo, hi int) { f(parts[lo/grain*d:][:d], lo, hi) })
	for i := range spans {
		vecAdd(dst, dst, parts[i*d:][:d])
	}
}

// AddBias adds bias [d] to each row of y [rows, d].
func (on Workers) AddBias(y, bias []float32, rows, d int) {
	on.Rows(rows, grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			vecAdd(y[r*d:][:d], y[r*d:][:d], bias)
		}
	})
}

// MulColumns sets y = x·diag(g): LayerScale. x, y are [rows, d], g is [d].
func (on Workers) MulColumns(y, x, g []float32, rows, d int) {
	on.Rows(rows, grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			vecMul(y[r*d:][:d], x[r*d:][:d], g)
		}
	})
}

// MulColumnsGrad adds the column sums of dy·x to dg [d].
func (on Workers) MulColumnsGrad(dg, dy, x []float32, rows, d int) {
	on.reduceRows(dg, rows, d, func(part []float32, lo, hi int) {
		for r := lo; r < hi; r++ {
			vecMulAdd(part, dy[r*d:][:d], x[r*d:][:d])
		}
	})
}

// SumSquares returns Σx² in float64.
func SumSquares(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}
