package protocols

import "gonum.org/v1/gonum/mathext/prng"

// draws repeats Python's random after random.seed(n): MMMU's parser draws an option where it finds none.
type draws struct{ src *prng.MT19937 }

// newDraws is random.seed(seed) for a seed below 2^32.
func newDraws(seed uint32) *draws {
	src := prng.NewMT19937()
	src.SeedFromKeys([]uint32{seed})
	return &draws{src}
}

// choice is the index that random.choice takes of n: as many bits as n has, again until they are below n.
func (d *draws) choice(n int) int {
	bits := 0
	for v := n; v > 0; v >>= 1 {
		bits++
	}
	for {
		if k := int(d.src.Uint32() >> (32 - bits)); k < n {
			return k
		}
	}
}
