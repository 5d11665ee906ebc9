//go:build arm64 && !purego

package kernels

//go:noescape
func addNEON(n4 int, dst, x, y *float32)

//go:noescape
func mulNEON(n4 int, dst, x, y *float32)

//go:noescape
func scaleNEON(n4 int, dst, x *float32, s float32)

//go:noescape
func axpyNEON(n4 int, dst, x *float32, s float32)

//go:noescape
func mulAddNEON(n4 int, dst, x, y *float32)

//go:noescape
func centreMulNEON(n4 int, dst, x *float32, m float32)

//go:noescape
func recip1pNEON(n4 int, dst, x *float32)

//go:noescape
func rmsRowNEON(n4 int, dst, x, w *float32, s float32)

//go:noescape
func layerRowNEON(n4 int, dst, x, w, b *float32, m, s float32)

//go:noescape
func rotateNEON(n4 int, a, b, cos, sin *float32, sign float32)

//go:noescape
func sigmoidSlopeNEON(n4 int, dst, sig, x *float32, k float32)

//go:noescape
func dotNEON(n32 int, x, y *float32, out *[32]float32)

//go:noescape
func maxNEON(n4 int, x *float32, out *[4]float32)

// lanes4 is how many of n elements the assembly takes.
func lanes4(n int) int {
	if !haveNEON {
		return 0
	}
	return n &^ 3
}

func vecAdd(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		addNEON(n/4, &dst[0], &x[0], &y[0])
	}
	vecAddGo(dst[n:], x[n:], y[n:])
}

func vecMul(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		mulNEON(n/4, &dst[0], &x[0], &y[0])
	}
	vecMulGo(dst[n:], x[n:], y[n:])
}

func vecScale(dst, x []float32, s float32) {
	x = x[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		scaleNEON(n/4, &dst[0], &x[0], s)
	}
	vecScaleGo(dst[n:], x[n:], s)
}

func vecAxpy(dst, x []float32, s float32) {
	x = x[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		axpyNEON(n/4, &dst[0], &x[0], s)
	}
	vecAxpyGo(dst[n:], x[n:], s)
}

func vecMulAdd(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		mulAddNEON(n/4, &dst[0], &x[0], &y[0])
	}
	vecMulAddGo(dst[n:], x[n:], y[n:])
}

func vecCentreMul(dst, x []float32, m float32) {
	x = x[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		centreMulNEON(n/4, &dst[0], &x[0], m)
	}
	vecCentreMulGo(dst[n:], x[n:], m)
}

func vecRecip1p(dst, x []float32) {
	x = x[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		recip1pNEON(n/4, &dst[0], &x[0])
	}
	vecRecip1pGo(dst[n:], x[n:])
}

func rmsRow(dst, x, w []float32, s float32) {
	x, w = x[:len(dst)], w[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		rmsRowNEON(n/4, &dst[0], &x[0], &w[0], s)
	}
	rmsRowGo(dst[n:], x[n:], w[n:], s)
}

func layerRow(dst, x, w, b []float32, m, s float32) {
	x, w, b = x[:len(dst)], w[:len(dst)], b[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		layerRowNEON(n/4, &dst[0], &x[0], &w[0], &b[0], m, s)
	}
	layerRowGo(dst[n:], x[n:], w[n:], b[n:], m, s)
}

func rotate(a, b, cos, sin []float32, sign float32) {
	b, cos, sin = b[:len(a)], cos[:len(a)], sin[:len(a)]
	n := lanes4(len(a))
	if n > 0 {
		rotateNEON(n/4, &a[0], &b[0], &cos[0], &sin[0], sign)
	}
	rotateGo(a[n:], b[n:], cos[n:], sin[n:], sign)
}

func sigmoidSlope(dst, sig, x []float32, k float32) {
	sig, x = sig[:len(dst)], x[:len(dst)]
	n := lanes4(len(dst))
	if n > 0 {
		sigmoidSlopeNEON(n/4, &dst[0], &sig[0], &x[0], k)
	}
	sigmoidSlopeGo(dst[n:], sig[n:], x[n:], k)
}

func normalCDF(dst, e, x []float32) { normalCDFGo(dst, e, x) }

// dot takes a multiple of 32 elements.
func dot(x, y []float32, out *[32]float32) {
	y = y[:len(x)]
	if haveNEON && len(x) > 0 {
		dotNEON(len(x)/32, &x[0], &y[0], out)
		return
	}
	dotGo(x, y, out)
}

func moments(x []float32, m float32, out *[16]float64) { momentsGo(x, m, out) }

// maxVec takes at least one element.
func maxVec(x []float32) float32 {
	n := lanes4(len(x))
	if n == 0 {
		return maxGo(x)
	}
	var out [4]float32
	maxNEON(n/4, &x[0], &out)
	m := maxGo(out[:])
	for _, v := range x[n:] {
		m = max(m, v)
	}
	return m
}

func adamW(value, grad, mean, square []float32, c *AdamW) { adamWGo(value, grad, mean, square, c) }
