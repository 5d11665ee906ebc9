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

func vecAdd(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		addAVX2(n/8, &dst[0], &x[0], &y[0])
	}
	vecAddGo(dst[n:], x[n:], y[n:])
}

func vecMul(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		mulAVX2(n/8, &dst[0], &x[0], &y[0])
	}
	vecMulGo(dst[n:], x[n:], y[n:])
}

func vecScale(dst, x []float32, s float32) {
	x = x[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		scaleAVX2(n/8, &dst[0], &x[0], s)
	}
	vecScaleGo(dst[n:], x[n:], s)
}

func vecAxpy(dst, x []float32, s float32) {
	x = x[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		axpyAVX2(n/8, &dst[0], &x[0], s)
	}
	vecAxpyGo(dst[n:], x[n:], s)
}

func vecMulAdd(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		mulAddAVX2(n/8, &dst[0], &x[0], &y[0])
	}
	vecMulAddGo(dst[n:], x[n:], y[n:])
}

func vecCentreMul(dst, x []float32, m float32) {
	x = x[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		centreMulAVX2(n/8, &dst[0], &x[0], m)
	}
	vecCentreMulGo(dst[n:], x[n:], m)
}

func vecRecip1p(dst, x []float32) {
	x = x[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		recip1pAVX2(n/8, &dst[0], &x[0])
	}
	vecRecip1pGo(dst[n:], x[n:])
}

func rmsRow(dst, x, w []float32, s float32) {
	x, w = x[:len(dst)], w[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		rmsRowAVX2(n/8, &dst[0], &x[0], &w[0], s)
	}
	rmsRowGo(dst[n:], x[n:], w[n:], s)
}

func layerRow(dst, x, w, b []float32, m, s float32) {
	x, w, b = x[:len(dst)], w[:len(dst)], b[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		layerRowAVX2(n/8, &dst[0], &x[0], &w[0], &b[0], m, s)
	}
	layerRowGo(dst[n:], x[n:], w[n:], b[n:], m, s)
}

func rotate(a, b, cos, sin []float32, sign float32) {
	b, cos, sin = b[:len(a)], cos[:len(a)], sin[:len(a)]
	n := lanes(len(a), 8)
	if n > 0 {
		rotateAVX2(n/8, &a[0], &b[0], &cos[0], &sin[0], sign)
	}
	rotateGo(a[n:], b[n:], cos[n:], sin[n:], sign)
}

func sigmoidSlope(dst, sig, x []float32, k float32) {
	sig, x = sig[:len(dst)], x[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		sigmoidSlopeAVX2(n/8, &dst[0], &sig[0], &x[0], k)
	}
	sigmoidSlopeGo(dst[n:], sig[n:], x[n:], k)
}

func normalCDF(dst, e, x []float32) {
	e, x = e[:len(dst)], x[:len(dst)]
	n := lanes(len(dst), 8)
	if n > 0 {
		normalCDFAVX2(n/8, &dst[0], &e[0], &x[0])
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
	maxAVX2(n/8, &x[0], &out)
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
