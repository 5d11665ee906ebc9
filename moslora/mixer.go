package moslora

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"moslava/internal/nn"
)

// Mixer says what stands between A and B and how it starts (paper, section 3 and Table 3). The starts are those of the authors'
// code (commonsense_reasoning/peft/src/peft/tuners/lora.py), where all but kaiming are commented out.
type Mixer string

const (
	Kaiming    Mixer = "kaiming"    // learned, from U(-1/√r, 1/√r): the authors' default
	Orthogonal Mixer = "orthogonal" // learned, from a random orthogonal matrix
	Normal     Mixer = "normal"     // learned, from N(0, 1)
	Xavier     Mixer = "xavier"     // learned, from U(-√(3/r), √(3/r))
	Identity   Mixer = "identity"   // learned, from I: equal to LoRA at the first step
	Butterfly  Mixer = "butterfly"  // fixed [[I,I],[I,I]], the two-subspaces mixing of the paper's section 3
	// FixedOrthogonal is a random orthogonal matrix that is not trained: under SGD the same as LoRA from A' = M·A (the paper's proof).
	FixedOrthogonal Mixer = "fixed-orthogonal"
	None            Mixer = "none" // no mixer: LoRA
)

// Fixed reports whether there is a mixer that is not trained.
func (m Mixer) Fixed() bool { return m == Butterfly || m == FixedOrthogonal }

// Mixers are the names of all mixers.
func Mixers() (names []string) {
	for _, m := range []Mixer{Kaiming, Orthogonal, Normal, Xavier, Identity, Butterfly, FixedOrthogonal, None} {
		names = append(names, string(m))
	}
	return names
}

// RefusedMixers are names of mixers that one may think of, and why there are none.
func RefusedMixers() map[string]string {
	const why = "never trains: with M = 0 and B = 0 every gradient is zero"
	return map[string]string{"zeros": why, "zero": why}
}

// faults are about a mixer of rank r.
func (m Mixer) faults(r int, fs *faults) {
	switch why := RefusedMixers()[string(m)]; {
	case why != "":
		fs.add("mixer", "%s %s", m, why)
	case !slices.Contains(Mixers(), string(m)):
		fs.add("mixer", "is %q; known are %s", m, listed(Mixers()))
	case m == Butterfly && r%2 != 0:
		fs.add("r", "is %d: the butterfly mixer needs an even rank", r)
	}
}

// init returns how the mixer starts.
func (m Mixer) init() nn.Init {
	switch m {
	case Kaiming:
		return nn.KaimingUniform
	case Orthogonal, FixedOrthogonal:
		return orthogonal
	case Normal:
		return nn.Normal(1)
	case Xavier:
		return xavier
	case Butterfly:
		return butterfly
	default:
		return identity
	}
}

// xavier is torch.nn.init.xavier_uniform_ of a square matrix.
func xavier(r *rand.Rand, shape []int, data []float32) {
	bound := math.Sqrt(3 / float64(shape[0]))
	for i := range data {
		data[i] = float32((2*r.Float64() - 1) * bound)
	}
}

// orthogonal is torch.nn.init.orthogonal_: Q of the QR decomposition of a normal matrix, with the
// signs that make R's diagonal positive, so that Q is uniform over the orthogonal group.
func orthogonal(r *rand.Rand, shape []int, data []float32) {
	n := shape[0]
	g := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			g.Set(i, j, r.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(g)
	var q, rr mat.Dense
	qr.QTo(&q)
	qr.RTo(&rr)
	for j := range n {
		sign := 1.0
		if rr.At(j, j) < 0 {
			sign = -1
		}
		for i := range n {
			data[i*n+j] = float32(q.At(i, j) * sign)
		}
	}
}

func identity(_ *rand.Rand, shape []int, data []float32) {
	for i := range shape[0] {
		data[i*shape[0]+i] = 1
	}
}

// butterfly is [[I,I],[I,I]] with blocks of r/2.
func butterfly(_ *rand.Rand, shape []int, data []float32) {
	r := shape[0]
	for i := range r {
		data[i*r+i] = 1
		data[i*r+(i+r/2)%r] = 1
	}
}

// fromOrthogonal is the largest element of M·Mᵀ - I.
func fromOrthogonal(m []float32, r int) (worst float64) {
	for i := range r {
		for j := range i + 1 {
			var sum float64
			for k := range r {
				sum += float64(m[i*r+k]) * float64(m[j*r+k])
			}
			if i == j {
				sum--
			}
			worst = max(worst, math.Abs(sum))
		}
	}
	return worst
}
