//go:build amd64 && !purego

package kernels

//go:noescape
func addAVX2(n8 int, dst, x, y *float32)

//go:noescape
func mulAVX2(n8 int, dst, x, y *float32)

//go:noescape
func scaleAVX2(n8 int, dst, x *float32, s float32)

//go:noescape
func axpyAVX2(n8 int, dst, x *float32, s float32)

//go:noescape
func mulAddAVX2(n8 int, dst, x, y *float32)

//go:noescape
func centreMulAVX2(n8 int, dst, x *float32, m float32)

//go:noescape
func recip1pAVX2(n8 int, dst, x *float32)

//go:noescape
func rmsRowAVX2(n8 int, dst, x, w *float32, s float32)

//go:noescape
func layerRowAVX2(n8 int, dst, x, w, b *float32, m, s float32)

//go:noescape
func rotateAVX2(n8 int, a, b, cos, sin *float32, sign float32)

//go:noescape
func sigmoidSlopeAVX2(n8 int, dst, sig, x *float32, k float32)

//go:noescape
func adamWAVX2(n8 int, value, grad, mean, square *float32, shrink, w1, beta2, w2, correction, eps, minusStep float32)

//go:noescape
func normalCDFAVX2(n8 int, dst, e, x *float32)

//go:noescape
func dotAVX2(n32 int, x, y *float32, out *[32]float32)

//go:noescape
func momentsAVX2(n8 int, x *float32, m float32, out *[16]float64)

//go:noescape
func maxAVX2(n8 int, x *float32, out *[16]float32)

// lanes is how many of n elements the assembly takes, in groups of width.
func lanes(n, width int) int {
	if !haveAVX2 {
		return 0
	}
	return n / width * width
}

// lanes512 is how many of n elements AVX-512 takes.
func lanes512(n int) int {
	if !haveAVX512 {
		return 0
	}
	return n &^ 15
}

func vecAdd(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		addAVX512(z/16, &dst[0], &x[0], &y[0])
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		addAVX2((n-z)/8, &dst[z], &x[z], &y[z])
	}
	vecAddGo(dst[n:], x[n:], y[n:])
}

func vecMul(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		mulAVX512(z/16, &dst[0], &x[0], &y[0])
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		mulAVX2((n-z)/8, &dst[z], &x[z], &y[z])
	}
	vecMulGo(dst[n:], x[n:], y[n:])
}

func vecScale(dst, x []float32, s float32) {
	x = x[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		scaleAVX512(z/16, &dst[0], &x[0], s)
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		scaleAVX2((n-z)/8, &dst[z], &x[z], s)
	}
	vecScaleGo(dst[n:], x[n:], s)
}

func vecAxpy(dst, x []float32, s float32) {
	x = x[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		axpyAVX512(z/16, &dst[0], &x[0], s)
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		axpyAVX2((n-z)/8, &dst[z], &x[z], s)
	}
	vecAxpyGo(dst[n:], x[n:], s)
}

func vecMulAdd(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		mulAddAVX512(z/16, &dst[0], &x[0], &y[0])
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		mulAddAVX2((n-z)/8, &dst[z], &x[z], &y[z])
	}
	vecMulAddGo(dst[n:], x[n:], y[n:])
}

func vecCentreMul(dst, x []float32, m float32) {
	x = x[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		centreMulAVX512(z/16, &dst[0], &x[0], m)
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		centreMulAVX2((n-z)/8, &dst[z], &x[z], m)
	}
	vecCentreMulGo(dst[n:], x[n:], m)
}

func vecRecip1p(dst, x []float32) {
	x = x[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		recip1pAVX512(z/16, &dst[0], &x[0])
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		recip1pAVX2((n-z)/8, &dst[z], &x[z])
	}
	vecRecip1pGo(dst[n:], x[n:])
}

func rmsRow(dst, x, w []float32, s float32) {
	x, w = x[:len(dst)], w[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		rmsRowAVX512(z/16, &dst[0], &x[0], &w[0], s)
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		rmsRowAVX2((n-z)/8, &dst[z], &x[z], &w[z], s)
	}
	rmsRowGo(dst[n:], x[n:], w[n:], s)
}

func adamW(value, grad, mean, square []float32, c *AdamW) {
	grad, mean, square = grad[:len(value)], mean[:len(value)], square[:len(value)]
	z := lanes512(len(value))
	if z > 0 {
		adamWAVX512(z/16, &value[0], &grad[0], &mean[0], &square[0], c.Shrink, c.W1, c.Beta2, c.W2, c.Correction, c.Eps, c.MinusStep)
	}
	n := z + lanes(len(value)-z, 8)
	if n > z {
		adamWAVX2((n-z)/8, &value[z], &grad[z], &mean[z], &square[z], c.Shrink, c.W1, c.Beta2, c.W2, c.Correction, c.Eps, c.MinusStep)
	}
	adamWGo(value[n:], grad[n:], mean[n:], square[n:], c)
}

func layerRow(dst, x, w, b []float32, m, s float32) {
	x, w, b = x[:len(dst)], w[:len(dst)], b[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		layerRowAVX512(z/16, &dst[0], &x[0], &w[0], &b[0], m, s)
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		layerRowAVX2((n-z)/8, &dst[z], &x[z], &w[z], &b[z], m, s)
	}
	layerRowGo(dst[n:], x[n:], w[n:], b[n:], m, s)
}

func rotate(a, b, cos, sin []float32, sign float32) {
	b, cos, sin = b[:len(a)], cos[:len(a)], sin[:len(a)]
	z := lanes512(len(a))
	if z > 0 {
		rotateAVX512(z/16, &a[0], &b[0], &cos[0], &sin[0], sign)
	}
	n := z + lanes(len(a)-z, 8)
	if n > z {
		rotateAVX2((n-z)/8, &a[z], &b[z], &cos[z], &sin[z], sign)
	}
	rotateGo(a[n:], b[n:], cos[n:], sin[n:], sign)
}

func sigmoidSlope(dst, sig, x []float32, k float32) {
	sig, x = sig[:len(dst)], x[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		sigmoidSlopeAVX512(z/16, &dst[0], &sig[0], &x[0], k)
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		sigmoidSlopeAVX2((n-z)/8, &dst[z], &sig[z], &x[z], k)
	}
	sigmoidSlopeGo(dst[n:], sig[n:], x[n:], k)
}

func normalCDF(dst, e, x []float32) {
	e, x = e[:len(dst)], x[:len(dst)]
	z := lanes512(len(dst))
	if z > 0 {
		normalCDFAVX512(z/16, &dst[0], &e[0], &x[0])
	}
	n := z + lanes(len(dst)-z, 8)
	if n > z {
		normalCDFAVX2((n-z)/8, &dst[z], &e[z], &x[z])
	}
	normalCDFGo(dst[n:], e[n:], x[n:])
}

// dot takes a multiple of 32 elements.
func dot(x, y []float32, out *[32]float32) {
	y = y[:len(x)]
	if haveAVX2 && len(x) > 0 {
		dotAVX2(len(x)/32, &x[0], &y[0], out)
		return
	}
	dotGo(x, y, out)
}

// moments takes a multiple of 8 elements.
func moments(x []float32, m float32, out *[16]float64) {
	if haveAVX2 && len(x) > 0 {
		momentsAVX2(len(x)/8, &x[0], m, out)
		return
	}
	momentsGo(x, m, out)
}

// maxVec takes at least one element.
func maxVec(x []float32) float32 {
	n := lanes(len(x), 8)
	if n == 0 {
		return maxGo(x)
	}
	var out [16]float32 // maxima of the lanes, and NaN where a lane met one
	if z := lanes512(len(x)); z > 0 {
		n = z
		maxAVX512(n/16, &x[0], &out)
	} else {
		maxAVX2(n/8, &x[0], &out)
	}
	m := maxGo(out[:8])
	for _, v := range out[8:] {
		if v != v {
			m = v
		}
	}
	for _, v := range x[n:] {
		m = max(m, v)
	}
	return m
}
