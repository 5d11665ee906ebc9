// Package compare says how far results are from those of a reference: the largest difference, where it is, and how many
// elements are beyond a limit. It knows numbers alone. What a tensor means and which limit is right, its callers say:
// tests and moslava verify, which so judge alike.
package compare

import "math"

// A Difference is what compares a tensor with the one that was wanted.
type Difference struct {
	MaxAbs  float64 // largest |got-want|, NaN if any is NaN
	At      int     // where that is; -1 if all are equal
	Largest float64 // largest |want|
	Off     int     // elements that differ by more than the limit that was given
}

// Of compares got with want, which must be as long. A NaN or an infinity on either side is off, whatever the limit, and is where
// At points to.
func Of(got, want []float64, limit float64) Difference {
	d := Difference{At: -1, Largest: MaxAbs(want)}
	broken := false
	for i := range got {
		diff := math.Abs(got[i] - want[i])
		bad := math.IsNaN(diff) || math.IsInf(diff, 0)
		if bad || diff > limit {
			d.Off++
		}
		if !broken && (bad || diff > d.MaxAbs) {
			d.MaxAbs, d.At, broken = diff, i, bad
		}
	}
	return d
}

// Rel is MaxAbs in relation to the largest element that was wanted, and 0 where all are equal.
func (d Difference) Rel() float64 {
	if d.At < 0 {
		return 0
	}
	return d.MaxAbs / d.Largest
}

// MaxAbs is the largest absolute value of data, NaN if any is.
func MaxAbs(data []float64) float64 {
	largest := 0.0
	for _, v := range data {
		largest = max(largest, math.Abs(v))
	}
	return largest
}

// Widen is data in float64.
func Widen(data []float32) []float64 {
	wide := make([]float64, len(data))
	for i, v := range data {
		wide[i] = float64(v)
	}
	return wide
}
