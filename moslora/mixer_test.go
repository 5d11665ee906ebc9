package moslora

import (
	"math"
	"slices"
	"testing"

	"moslava/internal/nn"
)

func start(t *testing.T, m Mixer, r int) []float32 {
	t.Helper()
	data, err := nn.Random(5).Tensor("x"+suffixM, []int{r, r}, m.init())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOrthogonalMixerIsOrthogonal(t *testing.T) {
	for _, r := range []int{1, 2, 7, 64, 128} {
		q := start(t, Orthogonal, r)
		for i := range r {
			for j := range r {
				var s, want float64
				for k := range r {
					s += float64(q[i*r+k]) * float64(q[j*r+k])
				}
				if i == j {
					want = 1
				}
				if math.Abs(s-want) > 1e-6 {
					t.Fatalf("r %d: rows %d and %d have the product %g", r, i, j, s)
				}
			}
		}
	}
	// Uniform over the group: both signs of the first entry occur about as often.
	negative := 0
	for seed := range 200 {
		q, _ := nn.Random(seed).Tensor("m", []int{3, 3}, orthogonal)
		if q[0] < 0 {
			negative++
		}
	}
	if negative < 70 || negative > 130 {
		t.Errorf("the first entry is negative in %d of 200", negative)
	}
}

func TestKaimingMixerFillsItsBounds(t *testing.T) {
	const r = 64
	m := start(t, Kaiming, r)
	var square, largest float64
	for _, v := range m {
		square += float64(v) * float64(v)
		largest = max(largest, math.Abs(float64(v)))
	}
	if largest > 1.0/8 || largest < 0.124 {
		t.Errorf("the largest entry is %g, want close to 1/√r = 0.125 and not above", largest)
	}
	if std := math.Sqrt(square / (r * r)); math.Abs(std-0.125/math.Sqrt(3)) > 0.002 {
		t.Errorf("the deviation is %g, want %g", std, 0.125/math.Sqrt(3))
	}
}

func TestFixedStarts(t *testing.T) {
	if got := start(t, Identity, 3); !slices.Equal(got, []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}) {
		t.Errorf("identity is %v", got)
	}
	if got := start(t, Butterfly, 4); !slices.Equal(got, []float32{1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1}) {
		t.Errorf("butterfly is %v", got)
	}
	if got := start(t, Butterfly, 2); !slices.Equal(got, []float32{1, 1, 1, 1}) {
		t.Errorf("butterfly of 2 is %v", got)
	}
}
