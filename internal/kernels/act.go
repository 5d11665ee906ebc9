package kernels

import (
	"fmt"
	"math"
)

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

const actSpan = 1 << 12

// Activate sets y = act(x). y may be x.
func Activate(act Act, y, x []float32) {
	Rows(len(x), actSpan, func(lo, hi int) { activate(act, y[lo:hi], x[lo:hi]) })
}

// ActivateGrad sets dx = dy·act'(x). dx may be dy.
func ActivateGrad(act Act, dx, dy, x []float32) {
	Rows(len(x), actSpan, func(lo, hi int) {
		var buf [actSpan]float32
		derivative(act, buf[:hi-lo], x[lo:hi])
		d, g := dx[lo:hi], dy[lo:hi]
		for i, v := range buf[:hi-lo] {
			d[i] = g[i] * v
		}
	})
}

// SwiGLU sets y = silu(gate)·up.
func SwiGLU(y, gate, up []float32) {
	Rows(len(y), actSpan, func(lo, hi int) {
		d, u := y[lo:hi], up[lo:hi]
		activate(SiLU, d, gate[lo:hi])
		for i := range d {
			d[i] *= u[i]
		}
	})
}

// SwiGLUGrad writes dgate and dup from dy.
func SwiGLUGrad(dgate, dup, dy, gate, up []float32) {
	Rows(len(dy), actSpan, func(lo, hi int) {
		var buf [actSpan]float32
		sig := buf[:hi-lo]
		g, u, d := gate[lo:hi], up[lo:hi], dy[lo:hi]
		sigmoid(sig, g, 1)
		dg, du := dgate[lo:hi], dup[lo:hi]
		for i, s := range sig {
			du[i] = d[i] * g[i] * s
			dg[i] = d[i] * u[i] * s * (1 + g[i]*(1-s))
		}
	})
}

// sigmoid sets dst = 1/(1+exp(-kx)).
func sigmoid(dst, x []float32, k float32) {
	for i, v := range x {
		dst[i] = -k * v
	}
	Exp(dst, dst, 0)
	for i, v := range dst {
		dst[i] = 1 / (1 + v)
	}
}

func activate(act Act, y, x []float32) {
	var buf [actSpan]float32
	switch act {
	case SiLU, QuickGELU:
		s := buf[:len(x)]
		sigmoid(s, x, slope(act))
		for i, v := range x {
			y[i] = v * s[i]
		}
	case GELU:
		for i, v := range x {
			y[i] = v * (0.5 + 0.5*erf(v*math.Sqrt2/2))
		}
	case GELUTanh:
		for i, v := range x {
			y[i] = 0.5 * v * (1 + tanh(geluC*(v+geluK*v*v*v)))
		}
	}
}

const (
	geluC = 0.7978845608028654 // sqrt(2/pi)
	geluK = 0.044715
)

func derivative(act Act, y, x []float32) {
	switch act {
	case SiLU, QuickGELU:
		k := slope(act)
		sigmoid(y, x, k)
		for i, v := range x {
			s := y[i]
			y[i] = s * (1 + k*v*(1-s))
		}
	case GELU:
		for i, v := range x {
			y[i] = -0.5 * v * v
		}
		Exp(y, y, 0)
		for i, v := range x {
			y[i] = 0.5 + 0.5*erf(v*math.Sqrt2/2) + v*y[i]*0.3989422804014327
		}
	case GELUTanh:
		for i, v := range x {
			t := tanh(geluC * (v + geluK*v*v*v))
			y[i] = 0.5*(1+t) + 0.5*v*(1-t*t)*geluC*(1+3*geluK*v*v)
		}
	}
}

func slope(a Act) float32 {
	if a == QuickGELU {
		return 1.702
	}
	return 1
}

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

func erf(x float32) float32 { return float32(math.Erf(float64(x))) }
