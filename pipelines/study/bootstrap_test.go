package study

import (
	"math"
	"slices"
	"testing"
)

// Constant values have an interval of no width; the same draws give the same bits.
func TestResampleConstant(t *testing.T) {
	b := Bootstrap{Draws: 500, Level: 0.95, Seed: 7}
	if got := b.resample([][]float64{{0.25, 0.25}, {0.25, 0.25}, {0.25, 0.25}}); got != (Interval{0.25, 0.25, 0.25}) {
		t.Errorf("%v, expected 0.25 throughout", got)
	}
	values := [][]float64{{1.5, 0.25, 0, -1, 1, 0.3, 0.7}, {1, 1.125, 0.5, -1, 0, 0.9, -0.2}, {0.1, 0.2, 0.4, 0.8, 1.6, 3.2, -4}}
	if b.resample(values) != b.resample(values) {
		t.Error("the same draws give different intervals")
	}
	if other := (Bootstrap{Draws: 500, Level: 0.95, Seed: 8}).resample(values); other == b.resample(values) {
		t.Error("another seed gives the same interval")
	}
}

// Two seeds and two questions have 16 draws that are equally probable: the interval is that of their distribution.
func TestResampleExact(t *testing.T) {
	values := [][]float64{{0, 1}, {3, 8}}
	var all []float64
	for s := range 4 {
		for q := range 4 {
			times, counts := make([]float64, 2), make([]float64, 2)
			times[s&1]++
			times[s>>1]++
			counts[q&1]++
			counts[q>>1]++
			all = append(all, weighted(values, times, counts))
		}
	}
	slices.Sort(all) // each stands for a sixteenth
	got := Bootstrap{Draws: 200000, Level: 0.75, Seed: 1}.resample(values)
	// The quantiles at 1/8 and 7/8 lie between the second and third, and the fourteenth and fifteenth of the 16.
	if got.Mean != 3 || got.Low < all[1] || got.Low > all[2] || got.High < all[13] || got.High > all[14] {
		t.Errorf("%v, expected mean 3 and an interval from %v to %v, to %v or %v", got, all[1], all[2], all[13], all[14])
	}
}

// With one seed the interval is that of the mean of n independent questions: normal, with variance p(1-p)/n.
func TestResampleNormal(t *testing.T) {
	const n = 400
	row := make([]float64, n)
	for i := range row {
		if i%4 == 0 {
			row[i] = 1
		}
	}
	got := Bootstrap{Draws: 20000, Level: 0.95, Seed: 3}.resample([][]float64{row})
	want := 1.959964 * math.Sqrt(0.25*0.75/n)
	if got.Mean != 0.25 || math.Abs(got.Mean-got.Low-want) > 0.0025 || math.Abs(got.High-got.Mean-want) > 0.0025 {
		t.Errorf("%v, expected 0.25 and %.4f to either side", got, want)
	}
}

func TestQuantileAndDeviation(t *testing.T) {
	x := []float64{1, 2, 4, 8} // numpy.quantile(x, [0.1, 0.5, 1]), numpy.std(x, ddof=1)
	for q, want := range map[float64]float64{0.1: 1.3, 0.5: 3, 1: 8} {
		if got := quantile(x, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %v is %v, expected %v", q, got, want)
		}
	}
	if got := deviation(x); math.Abs(got-3.095695936834452) > 1e-12 {
		t.Errorf("deviation %v", got)
	}
	if deviation(x[:1]) != 0 {
		t.Error("a single value deviates")
	}
}
