package kernels

import "math"

// Plain Go forms of the element-wise kernels. Products are converted before they are added, which
// forbids the compiler to fuse them: results have the same bits on every architecture.

// vecAddGo sets dst = x + y.
func vecAddGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

// vecMulGo sets dst = x·y.
func vecMulGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

// vecScaleGo sets dst = s·x.
func vecScaleGo(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = s * x[i]
	}
}

// vecAxpyGo sets dst += s·x.
func vecAxpyGo(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += float32(s * x[i])
	}
}

// vecMulAddGo sets dst += x·y.
func vecMulAddGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] += float32(x[i] * y[i])
	}
}

// vecCentreMulGo sets dst = (dst-m)·x.
func vecCentreMulGo(dst, x []float32, m float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = (dst[i] - m) * x[i]
	}
}

// vecRecip1pGo sets dst = 1/(1+x).
func vecRecip1pGo(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = 1 / (1 + x[i])
	}
}

// rmsRowGo sets dst = x·s·w.
func rmsRowGo(dst, x, w []float32, s float32) {
	x, w = x[:len(dst)], w[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * s * w[i]
	}
}

// layerRowGo sets dst = (x-m)·s·w + b.
func layerRowGo(dst, x, w, b []float32, m, s float32) {
	x, w, b = x[:len(dst)], w[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = float32((x[i]-m)*s*w[i]) + b[i]
	}
}

// rotateGo turns the pairs (a, b) by the angles of cos and sign·sin.
func rotateGo(a, b, cos, sin []float32, sign float32) {
	b, cos, sin = b[:len(a)], cos[:len(a)], sin[:len(a)]
	for i, u := range a {
		v, c, s := b[i], cos[i], sign*sin[i]
		a[i] = float32(u*c) - float32(v*s)
		b[i] = float32(v*c) + float32(u*s)
	}
}

// sigmoidSlopeGo sets dst to the derivative of x·sigmoid(kx), where sig is sigmoid(kx).
func sigmoidSlopeGo(dst, sig, x []float32, k float32) {
	sig, x = sig[:len(dst)], x[:len(dst)]
	for i := range dst {
		dst[i] = (float32(k*x[i]*(1-sig[i])) + 1) * sig[i]
	}
}

// Φ(-z) = exp(-z²/2)·t·P(t) for z >= 0, t = 1/(1+cdfSlope·z): a fit of smallest relative error,
// 1.2e-7 before rounding, over the range in which the exponential is not zero.
var (
	cdfSlope float32 = 0.3
	cdfPoly          = [8]float32{0.11962453958445, 0.12082633706442, 0.09946491145561, 0.13003316625360,
		-0.05645122344912, 0.20934772057251, -0.15893456597751, 0.03608905513330}
)

// normalCDFGo sets dst = Φ(x), the standard normal distribution, given e = exp(-x²/2).
func normalCDFGo(dst, e, x []float32) {
	e, x = e[:len(dst)], x[:len(dst)]
	for i, v := range x {
		z := math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
		t := 1 / (float32(cdfSlope*z) + 1)
		q := cdfPoly[7]
		for j := 6; j >= 0; j-- {
			q = float32(q*t) + cdfPoly[j]
		}
		if q = q * t * e[i]; math.Float32bits(v)>>31 == 0 {
			q = 1 - q
		}
		dst[i] = q
	}
}

// dotGo adds x·y to out, element i to lane i mod 32; len(x) is a multiple of 32.
func dotGo(x, y []float32, out *[32]float32) {
	for ; len(x) >= 32; x, y = x[32:], y[32:] {
		a, b := (*[32]float32)(x), (*[32]float32)(y)
		for i := range out {
			out[i] += float32(a[i] * b[i])
		}
	}
}

// momentsGo adds x-m to the first eight lanes of out and (x-m)² to the others; len(x) is a
// multiple of 8. Differences and squares are float32, sums float64.
func momentsGo(x []float32, m float32, out *[16]float64) {
	for ; len(x) >= 8; x = x[8:] {
		for i, v := range x[:8] {
			c := v - m
			out[i] += float64(c)
			out[8+i] += float64(float32(c * c))
		}
	}
}
