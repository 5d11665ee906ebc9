//go:build (!amd64 && !arm64) || purego

package kernels

func vecAdd(dst, x, y []float32)                       { vecAddGo(dst, x, y) }
func vecMul(dst, x, y []float32)                       { vecMulGo(dst, x, y) }
func vecScale(dst, x []float32, s float32)             { vecScaleGo(dst, x, s) }
func vecAxpy(dst, x []float32, s float32)              { vecAxpyGo(dst, x, s) }
func vecMulAdd(dst, x, y []float32)                    { vecMulAddGo(dst, x, y) }
func vecCentreMul(dst, x []float32, m float32)         { vecCentreMulGo(dst, x, m) }
func vecRecip1p(dst, x []float32)                      { vecRecip1pGo(dst, x) }
func rmsRow(dst, x, w []float32, s float32)            { rmsRowGo(dst, x, w, s) }
func layerRow(dst, x, w, b []float32, m, s float32)    { layerRowGo(dst, x, w, b, m, s) }
func rotate(a, b, cos, sin []float32, sign float32)    { rotateGo(a, b, cos, sin, sign) }
func sigmoidSlope(dst, sig, x []float32, k float32)    { sigmoidSlopeGo(dst, sig, x, k) }
func normalCDF(dst, e, x []float32)                    { normalCDFGo(dst, e, x) }
func dot(x, y []float32, out *[32]float32)             { dotGo(x, y, out) }
func moments(x []float32, m float32, out *[16]float64) { momentsGo(x, m, out) }
func maxVec(x []float32) float32                       { return maxGo(x) }

func adamW(value, grad, mean, square []float32, c *AdamW) { adamWGo(value, grad, mean, square, c) }
