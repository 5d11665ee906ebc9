package datasets

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// A Weighted is one part of a mixture.
type Weighted struct {
	Source Source
	// Weight is how often each row appears in an epoch. 1 is once; 2.5 is twice,
	// and a third time for the half of the rows that the seed picks; 0 is never.
	Weight float64
}

// Mix joins sources by weight into one whose length is the sum of
// round(weight * rows). The rows a fraction picks depend only on the seed and the
// part's place. Closing the mixture closes its parts.
func Mix(seed uint64, parts ...Weighted) (Source, error) {
	m := &mixture{starts: []int{0}}
	for i, p := range parts {
		n := p.Source.Len()
		rows := math.Round(p.Weight * float64(n))
		if !(p.Weight >= 0) || math.IsInf(p.Weight, 0) {
			return nil, fmt.Errorf("part %d of the mixture has weight %v, expected a number of at least 0", i, p.Weight)
		}
		total := float64(m.starts[i]) + rows
		if total > maxLen {
			return nil, fmt.Errorf("part %d brings the mixture to %.0f rows, the limit is %d", i, total, maxLen)
		}
		m.parts = append(m.parts, p.Source)
		m.order = append(m.order, newPermutation(n, mix64(seed), i))
		m.starts = append(m.starts, int(total))
	}
	return m, nil
}

// Concat is the rows of the sources one after the other, once each. Closing it
// closes them.
func Concat(sources ...Source) (Source, error) {
	parts := make([]Weighted, len(sources))
	for i, s := range sources {
		parts[i] = Weighted{s, 1}
	}
	return Mix(0, parts...)
}

// Temper is the parts with the weights of temperature mixing (Raffel et al. 2020, arXiv 1910.10683, section 3.5.2, without
// its limit on a part's size): a part of n rows and weight w has a share of all rows proportional to (w n)^(1/t), where without it
// it has w n. The number of all rows stays what the weights make it. t = 1 changes nothing; the larger t is, the more alike
// the shares are. t is above 0.
func Temper(t float64, parts ...Weighted) []Weighted {
	total, most := 0.0, 0.0
	for _, p := range parts {
		size := p.Weight * float64(p.Source.Len())
		total, most = total+size, max(most, size)
	}
	if t == 1 || most == 0 {
		return parts
	}
	rates, sum := make([]float64, len(parts)), 0.0
	for i, p := range parts {
		rates[i] = math.Pow(p.Weight*float64(p.Source.Len())/most, 1/t)
		sum += rates[i]
	}
	out := slices.Clone(parts)
	for i, p := range parts {
		if n := p.Source.Len(); n > 0 {
			out[i].Weight = total * rates[i] / sum / float64(n)
		}
	}
	return out
}

type mixture struct {
	parts  []Source
	order  []permutation
	starts []int // first row of each part, then the number of rows
}

func (m *mixture) Len() int { return m.starts[len(m.starts)-1] }

func (m *mixture) At(i int) (Sample, error) {
	if i < 0 || i >= m.Len() {
		return Sample{}, fmt.Errorf("row %d of a mixture of %d", i, m.Len())
	}
	k := sort.Search(len(m.parts), func(k int) bool { return m.starts[k+1] > i })
	row, n := i-m.starts[k], m.parts[k].Len()
	if round := row - row%n; m.starts[k+1]-m.starts[k]-round < n {
		return m.parts[k].At(m.order[k].at(row % n)) // the last, partial round
	}
	return m.parts[k].At(row % n)
}

func (m *mixture) Close() error {
	var err error
	for _, p := range m.parts {
		err = errors.Join(err, p.Close())
	}
	return err
}
