package kernels

import "math"

// RMSNorm is y = x/rms(x)·w by rows (transformers LlamaRMSNorm). x, y are [rows, d], w is [d];
// rstd [rows] receives 1/rms for the backward pass.
func (on Workers) RMSNorm(y, rstd, x, w []float32, rows, d int, eps float64) {
	on.Rows(rows, grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr, yr := x[r*d:][:d], y[r*d:][:d]
			s := float32(1 / math.Sqrt(float64(Dot(xr, xr))/float64(d)+eps))
			rstd[r] = s
			rmsRow(yr, xr, w, s)
		}
	})
}

// RMSNormGrad writes dx [rows, d] and adds to dw [d]. Either may be nil. dx may be dy.
func (on Workers) RMSNormGrad(dx, dw, dy, x, w, rstd []float32, rows, d int) {
	if dw != nil {
		on.reduceRows(dw, rows, d, func(part []float32, lo, hi int) {
			for r := lo; r < hi; r++ {
				a, b, s := dy[r*d:][:d], x[r*d:][:d], rstd[r]
				for i, v := range a {
					part[i] += v * b[i] * s
				}
			}
		})
	}
	if dx == nil {
		return
	}
	on.Rows(rows, grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			a, b, o, s := dy[r*d:][:d], x[r*d:][:d], dx[r*d:][:d], rstd[r]
			vecMul(o, a, w)
			k := Dot(o, b) * s * s * s / float32(d)
			vecScale(o, o, s)
			vecAxpy(o, b, -k)
		}
	})
}

// LayerNorm is y = (x-mean)/std·w + b by rows. mean, rstd [rows] are for the backward pass.
func (on Workers) LayerNorm(y, mean, rstd, x, w, b []float32, rows, d int, eps float64) {
	on.Rows(rows, grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr, yr := x[r*d:][:d], y[r*d:][:d]
			sum, _ := centred(xr, 0)
			m := float32(sum / float64(d))
			_, sq := centred(xr, m)
			s := float32(1 / math.Sqrt(sq/float64(d)+eps))
			mean[r], rstd[r] = m, s
			layerRow(yr, xr, w, b, m, s)
		}
	})
}

// LayerNormGrad writes dx [rows, d] and adds to dw, db [d]. dx, or dw with db, may be nil. dx may be dy.
func (on Workers) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd []float32, rows, d int) {
	if dw != nil {
		on.reduceRows(dw, rows, d, func(part []float32, lo, hi int) {
			for r := lo; r < hi; r++ {
				a, b, m, s := dy[r*d:][:d], x[r*d:][:d], mean[r], rstd[r]
				for i, v := range a {
					part[i] += v * (b[i] - m) * s
				}
			}
		})
	}
	if db != nil {
		on.SumRows(db, dy, rows, d)
	}
	if dx == nil {
		return
	}
	one := make([]float32, d)
	for i := range one {
		one[i] = 1
	}
	on.Rows(rows, grainFor(d), func(lo, hi int) {
		centred := getFloats(d)
		defer floatPool.Put(centred)
		c := *centred
		for r := lo; r < hi; r++ {
			o := dx[r*d:][:d]
			vecMul(o, dy[r*d:][:d], w)
			copy(c, x[r*d:][:d])
			vecCentreMul(c, one, mean[r])
			s := rstd[r]
			sum, dot := Dot(o, one)/float32(d), Dot(o, c)*s*s/float32(d)
			vecAxpy(o, c, -dot)
			vecCentreMul(o, one, sum)
			vecScale(o, o, s)
		}
	})
}

// centred returns Σ(x-m) and Σ(x-m)², summed in float64.
func centred(x []float32, m float32) (sum, squares float64) {
	var lane [16]float64
	n := len(x) &^ 7
	moments(x[:n], m, &lane)
	for i := range 8 {
		sum += lane[i]
		squares += lane[8+i]
	}
	for _, v := range x[n:] {
		c := v - m
		sum += float64(c)
		squares += float64(float32(c * c))
	}
	return sum, squares
}
