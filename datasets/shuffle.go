package datasets

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// A permutation reorders [0, n) by a key without storing the order: a Feistel
// network over the smallest even number of bits that holds n, walked until it
// lands below n. It is written out here because the order has to be the same in
// every release of the program and of Go, or a resumed run would see other data.
type permutation struct {
	n    uint64
	half uint // bits of one half
	keys [8]uint64
}

// newPermutation is the order of n items in one epoch of a shuffle.
func newPermutation(n int, seed uint64, epoch int) permutation {
	p := permutation{n: uint64(n), half: uint(bits.Len64(uint64(max(n, 2)-1))+1) / 2}
	state := mix64(seed) ^ mix64(uint64(epoch)+0x632be59bd9b4e019)
	for i := range p.keys {
		state += 0x9e3779b97f4a7c15
		p.keys[i] = mix64(state)
	}
	return p
}

// at is the item at place i, 0 <= i < n.
func (p *permutation) at(i int) int {
	mask := uint64(1)<<p.half - 1
	x := uint64(i)
	for {
		l, r := x>>p.half, x&mask
		for _, k := range p.keys {
			l, r = r, l^mix64(r^k)&mask
		}
		if x = l<<p.half | r; x < p.n {
			return int(x)
		}
	}
}

// mix64 is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A Subset is some rows of a source, as a source. Closing it does nothing: the
// source it looks into belongs to whoever opened it.
type Subset struct {
	Source Source
	Rows   []int32 // row numbers of Source, in ascending order
}

func (s *Subset) Len() int { return len(s.Rows) }

func (s *Subset) At(i int) (Sample, error) {
	if i < 0 || i >= len(s.Rows) {
		return Sample{}, fmt.Errorf("row %d of a subset of %d", i, len(s.Rows))
	}
	return s.Source.At(int(s.Rows[i]))
}

func (s *Subset) Close() error { return nil }

// Split holds back a share of a source's rows for validation: round(share *
// rows), at least one if share is above 0. The rows held back are those whose
// number hashes lowest with the seed, so they are the same in every run, and a
// source that grows at its end keeps almost all of them. share is in [0, 1).
func Split(src Source, share float64, seed uint64) (train, validation *Subset, err error) {
	n := src.Len()
	if !(share >= 0 && share < 1) {
		return nil, nil, fmt.Errorf("validation share %v, expected at least 0 and below 1", share)
	}
	if n > maxLen {
		return nil, nil, fmt.Errorf("source of %d rows, the limit is %d", n, maxLen)
	}
	held := int(math.Round(share * float64(n)))
	if share > 0 {
		held = max(held, 1)
	}
	if held > 0 && held >= n {
		return nil, nil, fmt.Errorf("validation share %v of %d rows leaves none to train on", share, n)
	}
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	key := mix64(seed + 0x9e3779b97f4a7c15)
	hash := func(i int32) uint64 { return mix64(key ^ mix64(uint64(i)+1)) }
	if held > 0 {
		slices.SortFunc(order, func(a, b int32) int {
			return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a, b))
		})
	}
	val, rest := slices.Clone(order[:held]), order[held:]
	slices.Sort(val)
	slices.Sort(rest)
	return &Subset{src, rest}, &Subset{src, val}, nil
}

// Head is the first n rows of a source, or all if it has fewer. Closing it does nothing.
func Head(src Source, n int) *Subset {
	rows := make([]int32, min(n, src.Len()))
	for i := range rows {
		rows[i] = int32(i)
	}
	return &Subset{src, rows}
}
