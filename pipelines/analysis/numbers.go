// Package analysis looks inside low-rank adapters: the spectrum of the update s·B·M·A, where the mixer has gone, which directions two
// runs share, and how large the update is beside the weight it is added to. Everything is computed from the factors; no matrix of
// the size of a weight is made. docs/studies.md says what each number means and where it comes from.
package analysis

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// dense is a matrix of float32 values in float64, [rows, cols].
func dense(data []float32, rows, cols int) *mat.Dense {
	m := mat.NewDense(rows, cols, nil)
	for i, v := range data {
		m.Set(i/cols, i%cols, float64(v))
	}
	return m
}

// triangle is R of the thin QR decomposition of m, or m itself if it has fewer rows than columns: in both cases mᵀm = RᵀR.
func triangle(m *mat.Dense) *mat.Dense {
	rows, cols := m.Dims()
	if rows <= cols {
		return m
	}
	var qr mat.QR
	qr.Factorize(m)
	var r mat.Dense
	qr.RTo(&r)
	return mat.DenseCopyOf(r.Slice(0, cols, 0, cols))
}

// Singular are the singular values of scale·B·A, falling: A [r, in] with the mixer multiplied in, B [out, r]. With B = Q₁R₁ and
// Aᵀ = Q₂R₂ they are those of R₁R₂ᵀ, which is r x r.
func Singular(b, a *mat.Dense, scale float64) ([]float64, error) {
	var core mat.Dense
	core.Mul(triangle(b), triangle(mat.DenseCopyOf(a.T())).T())
	values, err := singular(&core)
	for i := range values {
		values[i] *= math.Abs(scale)
	}
	return values, err
}

func singular(m mat.Matrix) ([]float64, error) {
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		return nil, fmt.Errorf("the singular value decomposition did not converge")
	}
	return svd.Values(nil), nil
}

// EffectiveRank is exp of the entropy of the singular values divided by their sum (Roy and Vetterli, The effective rank, 2007): from 1,
// one direction, to their number, all alike. It is 0 if all are 0.
func EffectiveRank(values []float64) float64 {
	var sum, entropy float64
	for _, v := range values {
		sum += v
	}
	if sum == 0 {
		return 0
	}
	for _, v := range values {
		if p := v / sum; p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	return math.Exp(entropy)
}

// norm is the Frobenius norm that singular values make, or that elements make.
func norm[T float32 | float64](values []T) float64 {
	var sum float64
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// Orthogonality says how far a mixer is from the orthogonal group: gram is ‖MᵀM - I‖, polar ‖M - U‖ where U is the nearest orthogonal
// matrix, that of the polar decomposition (Fan and Hoffman, 1955); both in the Frobenius norm. From singular values σ they are
// the roots of Σ(σ²-1)² and of Σ(σ-1)².
func Orthogonality(m *mat.Dense) (gram, polar float64, err error) {
	values, err := singular(m)
	for _, v := range values {
		gram += (v*v - 1) * (v*v - 1)
		polar += (v - 1) * (v - 1)
	}
	return math.Sqrt(gram), math.Sqrt(polar), err
}

// directions are the right singular vectors of A [r, in], as columns [in, min(r, in)], by falling singular value.
func directions(a *mat.Dense) (*mat.Dense, error) {
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThin) {
		return nil, fmt.Errorf("the singular value decomposition did not converge")
	}
	var v mat.Dense
	svd.VTo(&v)
	return &v, nil
}

// Similarity is φ of LoRA's paper (arXiv 2106.09685, section 7.2 and appendix G): element [i-1][j-1] is ‖Uᵢᵀ Vⱼ‖²/min(i, j), where Uᵢ and Vⱼ
// are the first i and j right singular vectors of two matrices [r, in]; 1 means that one span holds the other, 0 that they are orthogonal.
func Similarity(a, other *mat.Dense) ([][]float64, error) {
	u, err := directions(a)
	if err != nil {
		return nil, err
	}
	v, err := directions(other)
	if err != nil {
		return nil, err
	}
	var g mat.Dense
	g.Mul(u.T(), v)
	rows, cols := g.Dims()
	out := make([][]float64, rows)
	for i := range out {
		out[i] = make([]float64, cols)
		for j := range out[i] {
			sum := g.At(i, j) * g.At(i, j)
			if i > 0 {
				sum += out[i-1][j]
			}
			if j > 0 {
				sum += out[i][j-1]
			}
			if i > 0 && j > 0 {
				sum -= out[i-1][j-1]
			}
			out[i][j] = sum
		}
	}
	for i := range out {
		for j := range out[i] {
			out[i][j] /= float64(min(i, j) + 1)
		}
	}
	return out, nil
}
