package moslora

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"moslava/internal/nn"
)

// init returns how the mixer starts.
func (m Mixer) init() nn.Init {
	switch m {
	case Kaiming:
		return nn.KaimingUniform
	case Orthogonal:
		return orthogonal
	case Butterfly:
		return butterfly
	default:
		return identity
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
