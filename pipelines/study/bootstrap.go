package study

import (
	"math"
	"math/rand/v2"
	"slices"
)

// An Interval is a mean with its bootstrap percentile interval.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// HasZero says whether the interval contains zero: then the data do not show that the mean is not zero.
func (i Interval) HasZero() bool { return i.Low <= 0 && i.High >= 0 }

// resample is the bootstrap of a mean over seeds and questions, both drawn anew, with replacement and independently of one another, in
// each draw: values are [seeds][questions], and of two methods the differences between their answers to the same question
// with the same seed, so that they are compared in pairs. It gives the percentile interval (Efron and Tibshirani, An Introduction to
// the Bootstrap, 1993, section 13.3; two crossed factors: Owen, The pigeonhole bootstrap, 2007, which finds it conservative). The same
// values and settings give the same bits.
func (b Bootstrap) resample(values [][]float64) Interval {
	r := rand.New(rand.NewPCG(b.Seed, 0))
	seeds, questions := len(values), len(values[0])
	means := make([]float64, b.Draws)
	counts := make([]float64, questions)
	times := make([]float64, seeds)
	for d := range means {
		clear(counts)
		clear(times)
		for range seeds {
			times[r.IntN(seeds)]++
		}
		for range questions {
			counts[r.IntN(questions)]++
		}
		means[d] = weighted(values, times, counts)
	}
	slices.Sort(means)
	out := Interval{Mean: mean(values)}
	out.Low, out.High = quantile(means, (1-b.Level)/2), quantile(means, (1+b.Level)/2)
	return out
}

// weighted is the mean in which each seed and each question counts as often as it was drawn.
func weighted(values [][]float64, times, counts []float64) float64 {
	var sum float64
	for s, row := range values {
		if times[s] == 0 {
			continue
		}
		var in float64
		for q, v := range row {
			in += counts[q] * v
		}
		sum += times[s] * in
	}
	return sum / float64(len(times)*len(counts))
}

func mean(values [][]float64) float64 {
	var sum float64
	n := 0
	for _, row := range values {
		for _, v := range row {
			sum += v
		}
		n += len(row)
	}
	return sum / float64(n)
}

// quantile of sorted values, between two of them in proportion (the usual default of R and numpy).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// deviation is the standard deviation of a sample, with n-1; 0 for a single value.
func deviation(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	var m, s float64
	for _, v := range x {
		m += v / float64(len(x))
	}
	for _, v := range x {
		s += (v - m) * (v - m)
	}
	return math.Sqrt(s / float64(len(x)-1))
}
