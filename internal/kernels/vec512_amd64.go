//go:build amd64 && !purego

package kernels

//go:noescape
func addAVX512(n16 int, dst, x, y *float32)

//go:noescape
func mulAVX512(n16 int, dst, x, y *float32)

//go:noescape
func scaleAVX512(n16 int, dst, x *float32, s float32)

//go:noescape
func axpyAVX512(n16 int, dst, x *float32, s float32)

//go:noescape
func mulAddAVX512(n16 int, dst, x, y *float32)

//go:noescape
func centreMulAVX512(n16 int, dst, x *float32, m float32)

//go:noescape
func recip1pAVX512(n16 int, dst, x *float32)

//go:noescape
func rmsRowAVX512(n16 int, dst, x, w *float32, s float32)

//go:noescape
func layerRowAVX512(n16 int, dst, x, w, b *float32, m, s float32)

//go:noescape
func rotateAVX512(n16 int, a, b, cos, sin *float32, sign float32)

//go:noescape
func sigmoidSlopeAVX512(n16 int, dst, sig, x *float32, k float32)

//go:noescape
func normalCDFAVX512(n16 int, dst, e, x *float32)

//go:noescape
func maxAVX512(n16 int, x *float32, out *[16]float32)

//go:noescape
func adamWAVX512(n16 int, value, grad, mean, square *float32, shrink, w1, beta2, w2, correction, eps, minusStep float32)
