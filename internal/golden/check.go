package golden

import (
	"math"
	"testing"
)

// Check compares got, of the given shape and row-major, with the named tensor:
// max|got-want| <= tol * max|want|, both over the whole tensor. Where want is
// zero throughout, so must got be. A NaN or an infinity is never right. On
// failure the test goes on, and the message names the worst element. The
// result tells whether all was well.
func (g *Golden) Check(t testing.TB, name string, got []float32, shape []int, tol float64) bool {
	t.Helper()
	return g.Check64(t, name, widen(got), shape, tol)
}

// Check64 is Check for results in float64.
func (g *Golden) Check64(t testing.TB, name string, got []float64, shape []int, tol float64) bool {
	t.Helper()
	want, ok := g.want(t, name, len(got), shape)
	if !ok {
		return false
	}
	largest := maxAbs(want)
	return compare(t, name, got, want, shape, tol*largest, largest)
}

// CheckScalar is Check64 for a tensor of one element.
func (g *Golden) CheckScalar(t testing.TB, name string, got, tol float64) bool {
	t.Helper()
	return g.Check64(t, name, []float64{got}, g.Shape(t, name), tol)
}

// CheckZero compares got with a named tensor that is zero in exact arithmetic
// and holds only rounding noise: neither may exceed ZeroTol * scale in any
// element. The scale is the largest entry among its like, for a gradient that
// of all gradients in the file (see MaxAbs).
func (g *Golden) CheckZero(t testing.TB, name string, got []float32, scale float64) bool {
	t.Helper()
	info, _ := g.file.Info(name)
	want, ok := g.want(t, name, len(got), info.Shape)
	if !ok {
		return false
	}
	if largest := maxAbs(want); !(largest <= ZeroTol*scale) {
		t.Errorf("%s: the reference is not zero: its largest entry is %g, more than %g * %g", name, largest, ZeroTol, scale)
		return false
	}
	return compare(t, name, widen(got), make([]float64, len(got)), info.Shape, ZeroTol*scale, scale)
}

// CheckInts compares got with the named tensor of integers or booleans; all
// must be equal.
func (g *Golden) CheckInts(t testing.TB, name string, got []int) bool {
	t.Helper()
	want := g.Ints(t, name)
	g.checked[name] = true
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", name, len(got), len(want))
		return false
	}
	shape := g.Shape(t, name)
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: at %s got %d, want %d", name, position(i, shape), got[i], want[i])
			return false
		}
	}
	return true
}

// compare reports when an element differs by more than limit. Differences are
// also given relative to largest, the number tolerances are stated in.
func compare(t testing.TB, name string, got, want []float64, shape []int, limit, largest float64) bool {
	t.Helper()
	worst, worstAt, bad := 0.0, -1, 0
	for i := range got {
		diff := math.Abs(got[i] - want[i])
		if math.IsNaN(diff) || math.IsInf(diff, 0) {
			t.Errorf("%s: at %s got %g, want %g", name, position(i, shape), got[i], want[i])
			return false
		}
		if diff > limit {
			bad++
		}
		if diff > worst {
			worst, worstAt = diff, i
		}
	}
	if bad == 0 {
		return true
	}
	t.Errorf("%s: %d of %d elements are off; worst at %s: got %g, want %g, difference %.3g = %.3g of max|want| %.3g (allowed %.3g)",
		name, bad, len(got), position(worstAt, shape), got[worstAt], want[worstAt], worst, worst/largest, largest, limit/largest)
	return false
}

func widen(data []float32) []float64 {
	wide := make([]float64, len(data))
	for i, v := range data {
		wide[i] = float64(v)
	}
	return wide
}
