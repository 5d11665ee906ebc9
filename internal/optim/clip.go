package optim

import (
	"fmt"
	"math"
)

// A NonFiniteError says which gradient holds a NaN or an infinity first, in the order of the parameters.
type NonFiniteError struct {
	Name  string  // of the parameter
	Index int     // into its gradient
	Value float32 // NaN, +Inf or -Inf
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("optim: gradient of %s is %v at index %d, want finite numbers", e.Name, e.Value, e.Index)
}

// ClipNorm scales all gradients so that their total L2 norm is at most max, and returns the norm
// before that. The factor is min(1, max/(norm+1e-6)), as torch.nn.utils.clip_grad_norm_ has it;
// max 0 only measures. The norm is summed in float64 in an order that depends on the
// lengths alone, so any number of threads gives the same bits. If a gradient
// is not finite, the error is a *NonFiniteError and nothing has been scaled.
func ClipNorm(params []Param, max float64) (norm float64, err error) {
	norm, _, err = ClipNorms(params, max)
	return norm, err
}

// ClipNorms is ClipNorm with the sum of squares of each parameter's gradient, before clipping.
func ClipNorms(params []Param, max float64) (norm float64, squares []float64, err error) {
	if !(max >= 0) {
		return 0, nil, fmt.Errorf("optim: largest norm is %v, want at least 0", max)
	}
	var parts [][]float32
	var of []int // the parameter of each part
	for i := range params {
		g := params[i].Grad
		for from := 0; from < len(g); from += chunkLen {
			parts, of = append(parts, g[from:min(from+chunkLen, len(g))]), append(of, i)
		}
	}
	sums := make([]float64, len(parts))
	parallel(len(parts), 0, func(i int) { sums[i] = sumSquares(parts[i]) })
	total := 0.0
	squares = make([]float64, len(params))
	for i, s := range sums {
		total += s
		squares[of[i]] += s
	}
	norm = math.Sqrt(total)
	// Squares of float32 cannot overflow a float64, so a bad norm has a bad entry behind it.
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm, squares, firstBad(params)
	}
	if max == 0 {
		return norm, squares, nil
	}
	if factor := float32(max / (norm + 1e-6)); factor < 1 {
		parallel(len(parts), 0, func(i int) {
			for j := range parts[i] {
				parts[i][j] *= factor
			}
		})
	}
	return norm, squares, nil
}

// sumSquares adds in four interleaved sums, because one would wait for itself.
func sumSquares(x []float32) float64 {
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x = x[4:] {
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s0 += float64(a * a)
		s1 += float64(b * b)
		s2 += float64(c * c)
		s3 += float64(d * d)
	}
	for _, v := range x {
		s0 += float64(float64(v) * float64(v))
	}
	return (s0 + s1) + (s2 + s3)
}

func firstBad(params []Param) error {
	for i := range params {
		for j, v := range params[i].Grad {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				return &NonFiniteError{Name: params[i].Name, Index: j, Value: v}
			}
		}
	}
	return fmt.Errorf("optim: the norm of %d gradients is not finite, but all their entries are", len(params))
}
