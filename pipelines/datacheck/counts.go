package datacheck

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
)

// Counts says how often each number came.
type Counts map[int]int

// Total is how many numbers there were.
func (c Counts) Total() (n int) {
	for _, k := range c {
		n += k
	}
	return n
}

// Quantile is the smallest number that at least the share q of all do not exceed; 0 of none.
func (c Counts) Quantile(q float64) int {
	want, last := q*float64(c.Total()), 0
	for _, v := range slices.Sorted(maps.Keys(c)) {
		last = v
		if want -= float64(c[v]); want <= 0 {
			break
		}
	}
	return last
}

// Mean is 0 of none.
func (c Counts) Mean() float64 {
	sum := 0.0
	for _, v := range slices.Sorted(maps.Keys(c)) {
		sum += float64(v) * float64(c[v])
	}
	return sum / math.Max(1, float64(c.Total()))
}

// A Bin counts the numbers from From to below To.
type Bin struct {
	From  int `json:"from"`
	To    int `json:"to"`
	Count int `json:"count"`
}

// mostBins is how many rows a histogram has at most.
const mostBins = 12

// Bins are all numbers in equal bins, whose width is 1, 2 or 5 times a power of ten.
func (c Counts) Bins() []Bin {
	if len(c) == 0 {
		return nil
	}
	least, most := slices.Min(slices.Collect(maps.Keys(c))), slices.Max(slices.Collect(maps.Keys(c)))
	width := 1
	for k := 0; most/width-least/width >= mostBins; k++ {
		width = []int{2, 5, 10}[k%3] * int(math.Pow10(k/3))
	}
	bins := make([]Bin, most/width-least/width+1)
	for i := range bins {
		bins[i].From = (least/width + i) * width
		bins[i].To = bins[i].From + width
	}
	for v, n := range c {
		bins[v/width-least/width].Count += n
	}
	return bins
}

// MarshalJSON writes what the numbers come to, and a histogram.
func (c Counts) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		N      int     `json:"n"`
		Mean   float64 `json:"mean"`
		Least  int     `json:"min"`
		Median int     `json:"median"`
		P95    int     `json:"p95"`
		Most   int     `json:"max"`
		Bins   []Bin   `json:"bins"`
	}{c.Total(), c.Mean(), c.Quantile(0), c.Quantile(.5), c.Quantile(.95), c.Quantile(1), append([]Bin{}, c.Bins()...)})
}
