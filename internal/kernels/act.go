package kernels

import "fmt"

// Act names an activation as Hugging Face's hidden_act does.
type Act uint8

const (
	SiLU      Act = iota // x·sigmoid(x)
	QuickGELU            // x·sigmoid(1.702x)
	GELU                 // x·Φ(x), exact
	GELUTanh             // the tanh approximation
)

var actNames = map[string]Act{"silu": SiLU, "swish": SiLU, "quick_gelu": QuickGELU, "gelu": GELU,
	"gelu_pytorch_tanh": GELUTanh, "gelu_new": GELUTanh}

// ParseAct reads a hidden_act.
func ParseAct(name string) (Act, error) {
	a, ok := actNames[name]
	if !ok {
		return 0, fmt.Errorf("activation %q is not known; known are silu, quick_gelu, gelu, gelu_pytorch_tanh", name)
	}
	return a, nil
}

// actSpan elements of the arrays that an activation reads and writes stay in the first-level cache from one pass to the next.
const actSpan = 1 << 10

// spans calls f for spans of actSpan elements of n.
func (on Workers) spans(n int, f func(lo, hi int)) {
	on.Rows(n, 1<<4*actSpan, func(lo, hi int) {
		for ; lo < hi; lo += actSpan {
			f(lo, min(hi, lo+actSpan))
		}
	})
}

// Activate sets y = act(x). y may be x. GELU is off by at most 5e-7 of max(1, |x|), the others by as
// much in relation to their value.
func (on Workers) Activate(act Act, y, x []float32) {
	on.spans(len(x), func(lo, hi int) { activate(act, y[lo:hi], x[lo:hi]) })
}

// ActivateGrad sets dx = dy·act'(x). dx may be dy.
func (on Workers) ActivateGrad(act Act, dx, dy, x []float32) {
	on.spans(len(x), func(lo, hi int) {
		var buf [actSpan]float32
		slope := buf[:hi-lo]
		derivative(act, slope, x[lo:hi])
		vecMul(dx[lo:hi], dy[lo:hi], slope)
	})
}

// SwiGLU sets y = silu(gate)·up.
func (on Workers) SwiGLU(y, gate, up []float32) {
	on.spans(len(y), func(lo, hi int) {
		activate(SiLU, y[lo:hi], gate[lo:hi])
		vecMul(y[lo:hi], y[lo:hi], up[lo:hi])
	})
}

// SwiGLUGrad writes dgate and dup from dy.
func (on Workers) SwiGLUGrad(dgate, dup, dy, gate, up []float32) {
	on.spans(len(dy), func(lo, hi int) {
		var buf [actSpan]float32
		s := buf[:hi-lo]
		g, u, d := gate[lo:hi], up[lo:hi], dy[lo:hi]
		dg, du := dgate[lo:hi], dup[lo:hi]
		sigmoid(s, g, 1)
		vecMul(du, d, g)
		vecMul(du, du, s)
		sigmoidSlope(s, s, g, 1)
		vecMul(dg, d, u)
		vecMul(dg, dg, s)
	})
}

// sigmoid sets dst = 1/(1+exp(-kx)).
func sigmoid(dst, x []float32, k float32) {
	vecScale(dst, x, -k)
	Exp(dst, dst, 0)
	vecRecip1p(dst, dst)
}

// gauss sets dst = exp(-x²/2).
func gauss(dst, x []float32) {
	vecMul(dst, x, x)
	vecScale(dst, dst, -0.5)
	Exp(dst, dst, 0)
}

// The tanh form of GELU is x·sigmoid(z) with z = x·(geluC + geluK·x²), as (1+tanh(z/2))/2 = sigmoid(z).
const (
	geluC = 2 * 0.7978845608028654 // 2·sqrt(2/pi)
	geluK = geluC * 0.044715
)

// tanhGate sets dst = sigmoid(z) of the tanh form of GELU.
func tanhGate(dst, x []float32) {
	vecMul(dst, x, x)
	for i, v := range x {
		dst[i] = v * (geluC + geluK*dst[i])
	}
	sigmoid(dst, dst, 1)
}

func activate(act Act, y, x []float32) {
	var buf [actSpan]float32
	gate := buf[:len(x)]
	switch act {
	case SiLU, QuickGELU:
		sigmoid(gate, x, slope(act))
	case GELU:
		gauss(gate, x)
		normalCDF(gate, gate, x)
	case GELUTanh:
		tanhGate(gate, x)
	}
	vecMul(y, x, gate)
}

func derivative(act Act, y, x []float32) {
	switch act {
	case SiLU, QuickGELU:
		k := slope(act)
		sigmoid(y, x, k)
		sigmoidSlope(y, y, x, k)
	case GELU:
		var buf [actSpan]float32
		cdf := buf[:len(x)]
		gauss(y, x)
		normalCDF(cdf, y, x)
		vecMul(y, y, x)
		vecScale(y, y, 0.3989422804014327) // 1/sqrt(2·pi)
		vecAdd(y, y, cdf)
	case GELUTanh:
		tanhGate(y, x)
		for i, v := range x {
			s := y[i]
			y[i] = s + v*s*(1-s)*(geluC+3*geluK*v*v)
		}
	}
}

func slope(a Act) float32 {
	if a == QuickGELU {
		return 1.702
	}
	return 1
}
