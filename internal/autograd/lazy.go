package autograd

import (
	"github.com/nlpodyssey/spago/ag"

	"moslava/internal/kernels"
)

// Lazy is an operand of Linears that is computed when it is needed, forward and backward, and kept in between only if it
// is there anyway.
type Lazy struct {
	x  *Var                // it is there
	fn ag.AutoGradFunction // or what gives it
}

// Kept is x itself.
func Kept(x *Var) Lazy { return Lazy{x: x} }

// LazyRMSNorm is what RMSNorm returns.
func LazyRMSNorm(x, w *Var, eps float64) Lazy { return Lazy{fn: &rmsNorm{x: x, w: w, eps: eps}} }

// LazyLayerNorm is what LayerNorm returns.
func LazyLayerNorm(x, w, b *Var, eps float64) Lazy {
	return Lazy{fn: &layerNorm{x: x, w: w, b: b, eps: eps}}
}

// LazyActivate is what Activate returns.
func LazyActivate(act kernels.Act, x *Var) Lazy { return Lazy{fn: &activation{x, act}} }

// LazySwiGLU is what SwiGLU returns.
func LazySwiGLU(gate, up *Var) Lazy { return Lazy{fn: &swiGLU{gate, up}} }

// operands are those of the function, or the value itself.
func (l Lazy) operands() []*Var {
	if l.x != nil {
		return []*Var{l.x}
	}
	var out []*Var
	for _, o := range l.fn.Operands() {
		out = append(out, o.(*Var))
	}
	return out
}

// tracked reports whether a gradient of the value is of use.
func (l Lazy) tracked() bool {
	for _, o := range l.operands() {
		if o.RequiresGrad() {
			return true
		}
	}
	return false
}

// value computes it.
func (l Lazy) value() (*Var, error) {
	if l.x != nil {
		return l.x, nil
	}
	v, err := l.fn.Forward()
	if err != nil {
		return nil, err
	}
	return v.(*Var), nil
}

// free gives back what value took.
func (l Lazy) free(v *Var) {
	if l.x != nil {
		return
	}
	v.release()
	if r, ok := l.fn.(releaser); ok {
		r.release()
	}
}

// backward hands the gradient on.
func (l Lazy) backward(g *Var) error {
	if l.x != nil {
		l.x.AccGrad(g)
		return nil
	}
	return l.fn.Backward(g)
}
