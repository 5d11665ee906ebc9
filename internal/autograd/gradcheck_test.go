package autograd

import (
	"fmt"
	"math"
	"testing"
)

// gradcheck fails t where the gradient of loss in one of the leaves is not the slope of loss, by
// central differences. loss must give the same value each time it is called; its result is a scalar.
func gradcheck(t *testing.T, loss func(*Tape) *Var, leaves map[string]*Var) {
	t.Helper()
	tape := new(Tape)
	for _, v := range leaves {
		v.SetRequiresGrad(true)
		v.ZeroGrad()
	}
	if err := tape.Backward(loss(tape), 1); err != nil {
		t.Fatal(err)
	}
	for name, v := range leaves {
		if err := checkSlopes(loss, v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func checkSlopes(loss func(*Tape) *Var, v *Var) error {
	const eps, tol = 1e-2, 2e-2
	for i := range v.buf.Host() {
		old := v.buf.Host()[i]
		at := func(x float32) float64 {
			v.buf.Host()[i] = x
			return float64(loss(nil).buf.Host()[0])
		}
		up, down := at(old+eps), at(old-eps)
		v.buf.Host()[i] = old
		want := (up - down) / (2 * eps)
		var got float64
		if g := v.GradFloats(); g != nil {
			got = float64(g[i])
		}
		if !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
			return fmt.Errorf("element %d: gradient %g, slope %g", i, got, want)
		}
	}
	return nil
}
