package golden

import (
	"testing"

	"moslava/internal/compare"
)

// Check compares got, of the given shape and row-major, with the named tensor:
// max|got-want| <= tol * max|want|, both over the whole tensor. Where want is
// zero throughout, so must got be. A NaN or an infinity is never right. On
// failure the test goes on, and the message names the worst element. The
// result tells whether all was well.
func (g *Golden) Check(t testing.TB, name string, got []float32, shape []int, tol float64) bool {
	t.Helper()
	return g.Check64(t, name, compare.Widen(got), shape, tol)
}

// Check64 is Check for results in float64.
func (g *Golden) Check64(t testing.TB, name string, got []float64, shape []int, tol float64) bool {
	t.Helper()
	want, ok := g.want(t, name, len(got), shape)
	if !ok {
		return false
	}
	largest := compare.MaxAbs(want)
	return report(t, name, got, want, shape, tol*largest, largest)
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
	if largest := compare.MaxAbs(want); !(largest <= ZeroTol*scale) {
		t.Errorf("%s: the reference is not zero: its largest entry is %g, more than %g * %g", name, largest, ZeroTol, scale)
		return false
	}
	return report(t, name, compare.Widen(got), make([]float64, len(got)), info.Shape, ZeroTol*scale, scale)
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

// report fails the test when an element differs by more than limit. Differences are
// also given relative to largest, the number tolerances are stated in.
func report(t testing.TB, name string, got, want []float64, shape []int, limit, largest float64) bool {
	t.Helper()
	d := compare.Of(got, want, limit)
	if d.Off == 0 {
		return true
	}
	t.Errorf("%s: %d of %d elements are off; worst at %s: got %g, want %g, difference %.3g = %.3g of max|want| %.3g (allowed %.3g)",
		name, d.Off, len(got), position(d.At, shape), got[d.At], want[d.At], d.MaxAbs, d.MaxAbs/largest, largest, limit/largest)
	return false
}
