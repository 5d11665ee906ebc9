package kernels

import "math"

// Exp sets dst = exp(src-sub) and returns the sum of dst. Arguments are clamped to the range in
// which exp is a normal float32 (-87.3, 88.3); NaN stays NaN. dst may be src.
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
	m := x[0]
	for _, v := range x[1:] {
		m = max(m, v)
	}
	return m
}

// Softmax replaces x by its softmax and returns the logarithm of the sum of exponentials.
func Softmax(x []float32) (lse float64) {
	m := Max(x)
	sum := Exp(x, x, m)
	Scale(x, 1/sum)
	return float64(m) + math.Log(float64(sum))
}

// Scale multiplies x by s.
func Scale(x []float32, s float32) {
	for i := range x {
		x[i] *= s
	}
}

// Add sets dst += x.
func Add(dst, x []float32) {
	Rows(len(x), 1<<14, func(lo, hi int) {
		d, s := dst[lo:hi], x[lo:hi]
		s = s[:len(d)]
		for i := range d {
			d[i] += s[i]
		}
	})
}

// Axpy sets dst += s·x.
func Axpy(dst []float32, s float32, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += s * x[i]
	}
}

// AddTo sets dst = x + y.
func AddTo(dst, x, y []float32) {
	Rows(len(dst), 1<<14, func(lo, hi int) {
		d, a, b := dst[lo:hi], x[lo:hi], y[lo:hi]
		a, b = a[:len(d)], b[:len(d)]
		for i := range d {
			d[i] = a[i] + b[i]
		}
	})
}

// Dot returns the sum of x·y, accumulated in eight lanes.
func Dot(x, y []float32) float32 {
	y = y[:len(x)]
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	n := len(x) &^ 7
	for i := 0; i < n; i += 8 {
		a, b := (*[8]float32)(x[i:]), (*[8]float32)(y[i:])
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		s4 += a[4] * b[4]
		s5 += a[5] * b[5]
		s6 += a[6] * b[6]
		s7 += a[7] * b[7]
	}
	s := ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
	for i := n; i < len(x); i++ {
		s += x[i] * y[i]
	}
	return s
}

// SumRows adds the rows of x [rows, d] to dst [d]: the gradient of a bias.
func SumRows(dst, x []float32, rows, d int) {
	reduceRows(dst, rows, d, func(part []float32, lo, hi int) {
		for r := lo; r < hi; r++ {
			Axpy(part, 1, x[r*d:][:d])
		}
	})
}

// reduceRows sums over rows in spans of 64 rows, then over spans in order, so that the bits do
// not depend on the number of threads.
func reduceRows(dst []float32, rows, d int, f func(part []float32, lo, hi int)) {
	const grain = 64
	spans := (rows + grain - 1) / grain
	parts := make([]float32, spans*d)
	Rows(rows, grain, func(lo, hi int) { f(parts[lo/grain*d:][:d], lo, hi) })
	for i := range spans {
		Axpy(dst, 1, parts[i*d:][:d])
	}
}

// AddBias adds bias [d] to each row of y [rows, d].
func AddBias(y, bias []float32, rows, d int) {
	Rows(rows, grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			Axpy(y[r*d:][:d], 1, bias)
		}
	})
}

// MulColumns sets y = x·diag(g): LayerScale. x, y are [rows, d], g is [d].
func MulColumns(y, x, g []float32, rows, d int) {
	Rows(rows, grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr, yr := x[r*d:][:d], y[r*d:][:d]
			for i, v := range xr {
				yr[i] = v * g[i]
			}
		}
	})
}

// MulColumnsGrad adds the column sums of dy·x to dg [d].
func MulColumnsGrad(dg, dy, x []float32, rows, d int) {
	reduceRows(dg, rows, d, func(part []float32, lo, hi int) {
		for r := lo; r < hi; r++ {
			a, b := dy[r*d:][:d], x[r*d:][:d]
			for i, v := range a {
				part[i] += v * b[i]
			}
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
