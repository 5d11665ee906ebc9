package compare

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		got, want []float64
		limit     float64
		out       Difference
		rel       float64
	}{
		{[]float64{1, 2}, []float64{1, 2}, 0, Difference{0, -1, 2, 0}, 0},
		{[]float64{1, 2.5, 3}, []float64{1, 2, -4}, 0.5, Difference{7, 2, 4, 1}, 1.75},
		{[]float64{0}, []float64{0}, 0, Difference{0, -1, 0, 0}, 0},
		{nil, nil, 0, Difference{0, -1, 0, 0}, 0},
	} {
		d := Of(c.got, c.want, c.limit)
		if d != c.out || d.Rel() != c.rel {
			t.Errorf("%v and %v: %+v, %g; want %+v, %g", c.got, c.want, d, d.Rel(), c.out, c.rel)
		}
	}
}

func TestNaNAndInfinityAreAlwaysOff(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		for _, d := range []Difference{Of([]float64{9, v}, []float64{1, 1}, math.MaxFloat64), Of([]float64{9, 1}, []float64{1, v}, math.MaxFloat64)} {
			if d.Off != 1 || d.At != 1 || d.Rel() < math.Inf(1) {
				t.Errorf("%g: %+v", v, d)
			}
		}
	}
}
