package moslora

import (
	"errors"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"moslava/internal/device"
	"moslava/internal/kernels"
)

// triplets are leading singular values with their vectors: W·v = value·u.
type triplets struct {
	values []float64
	u, v   *mat.Dense // [out, r], [in, r]
}

// wholeUpTo is the side of a matrix that is decomposed whole, in a fraction of a second.
const wholeUpTo = 128

// leading are the r largest singular values of w [out, in]: of the whole decomposition, where that is quick or where much of it is
// wanted, and of subspace iteration elsewhere.
func leading(w []float32, out, in, r int, name string) (*triplets, error) {
	block := r + max(r, 16)
	if small := min(out, in); small > wholeUpTo && 2*block <= small {
		if t := iterated(w, out, in, r, block, name); t != nil {
			return t, nil
		}
	}
	return decomposed(dense(w, out, in), r)
}

func decomposed(d *mat.Dense, r int) (*triplets, error) {
	var svd mat.SVD
	if !svd.Factorize(d, mat.SVDThin) {
		return nil, errors.New("the singular values could not be computed")
	}
	t := &triplets{values: svd.Values(nil)[:r], u: new(mat.Dense), v: new(mat.Dense)}
	svd.UTo(t.u)
	svd.VTo(t.v)
	return t, nil
}

// An iteration ends when none of the r values has changed by more than settled of itself and rounding of the largest; most rounds are
// what no weight of a model needs.
const (
	settled  = 1e-6
	rounding = 1e-7
	most     = 60
)

// iterated is subspace iteration on W·Wᵀ, or on Wᵀ·W if that is smaller, from random directions (Halko, Martinsson and Tropp, Finding
// structure with randomness, SIAM Review 2011, algorithm 4.4), with Chebyshev polynomials in place of powers (Zhou and Saad, A
// Chebyshev-Davidson algorithm, 2007, algorithm 3.2), because values of models' weights fall slowly. Rounds go on until the values
// settle; PEFT's pissa_niter_N leaves their number to the user. Directions are drawn from the module's name alone: the same weight has
// the same start in every run, whatever its seed, and on any number of threads. It is nil if the values do not settle.
func iterated(w []float32, out, in, r, block int, name string) *triplets {
	p := device.Host.Workers().Pack(w, out, in, kernels.F32)
	s := &subspace{block: block, small: out, large: in, there: p.T(), back: p}
	if out > in {
		s.small, s.large, s.there, s.back = in, out, p, p.T()
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	s.q, s.z = make([]float32, block*s.small), make([]float32, block*s.large)
	for i := range s.q {
		s.q[i] = float32(rng.NormFloat64())
	}
	last := make([]float64, r)
	for range most {
		orthonormalise(s.q, block, s.small)
		s.images()
		values := s.align()
		if values == nil {
			return nil
		}
		done := true
		for k := range last {
			done = done && math.Abs(values[k]-last[k]) <= settled*values[k]+rounding*values[0]
			last[k] = values[k]
		}
		if done {
			return s.triplets(r, out > in)
		}
		s.filter(values)
	}
	return nil
}

// A subspace is directions, rows of q in the smaller space, and what W makes of them.
type subspace struct {
	block, small, large int
	q, z                []float32       // [block, small], [block, large]
	there, back         *kernels.Packed // z = q·there, and back again
}

func (s *subspace) images() {
	device.Host.Workers().Mul(s.block, s.q, s.small, 1, s.there, s.z, s.large, false)
}

// align turns the directions so that each belongs to a singular value of z, and gives these, falling; nil if there are none.
func (s *subspace) align() []float64 {
	n := s.block
	g := mat.NewSymDense(n, nil)
	device.Host.Workers().Rows(n, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j := i; j < n; j++ {
				g.SetSym(i, j, dot(s.z[i*s.large:][:s.large], s.z[j*s.large:][:s.large]))
			}
		}
	})
	var eig mat.EigenSym
	if !eig.Factorize(g, true) {
		return nil
	}
	squares := eig.Values(nil) // rising
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	turn, values := make([]float32, n*n), make([]float64, n)
	for i := range n {
		values[i] = math.Sqrt(max(0, squares[n-1-i]))
		for j := range n {
			turn[i*n+j] = float32(vectors.At(j, n-1-i))
		}
	}
	s.q, s.z = combined(turn, s.q, n, s.small), combined(turn, s.z, n, s.large)
	return values
}

func combined(turn, x []float32, n, d int) []float32 {
	y := make([]float32, n*d)
	device.Host.Workers().Mul(n, turn, n, 1, kernels.KN(x, n, d, d), y, d, false)
	return y
}

// mostGrowth is by how much one round may bring the largest value's direction out against the smallest's: more is lost in float32.
const mostGrowth, mostDegree = 1e5, 8

// filter brings out directions with values above the smallest: the scaled Chebyshev polynomial over the squares from zero to that one's.
func (s *subspace) filter(values []float64) {
	first, half := values[0]*values[0], values[s.block-1]*values[s.block-1]/2
	degree := 1
	if half > 0 {
		degree = min(mostDegree, max(1, int(math.Log(2*mostGrowth)/math.Acosh(max(1+1e-9, first/half-1)))))
	}
	next := make([]float32, len(s.q))
	device.Host.Workers().Mul(s.block, s.z, s.large, 1, s.back, next, s.small, false)
	if degree == 1 {
		s.q = next
		return
	}
	ratio := half / (first - half)
	twice := 2 / ratio
	combine(next, next, s.q, ratio/half, -ratio, nil, 0)
	before := s.q
	s.q = next
	for range degree - 1 {
		s.images()
		next := make([]float32, len(s.q))
		device.Host.Workers().Mul(s.block, s.z, s.large, 1, s.back, next, s.small, false)
		ratio2 := 1 / (twice - ratio)
		combine(next, next, s.q, 2*ratio2/half, -2*ratio2, before, -ratio*ratio2)
		before, s.q, ratio = s.q, next, ratio2
	}
}

// combine sets y = a·x1 + b·x2 + c·x3.
func combine(y, x1, x2 []float32, a, b float64, x3 []float32, c float64) {
	for i := range y {
		v := a*float64(x1[i]) + b*float64(x2[i])
		if x3 != nil {
			v += c * float64(x3[i])
		}
		y[i] = float32(v)
	}
}

// triplets are the r leading ones of the directions; swapped if these are on W's right.
func (s *subspace) triplets(r int, swapped bool) *triplets {
	t, err := decomposed(dense(s.z, s.block, s.large), r)
	if err != nil {
		return nil
	}
	u := new(mat.Dense)
	u.Mul(dense(s.q, s.block, s.small).T(), t.u)
	if t.u = u; swapped {
		t.u, t.v = t.v, t.u
	}
	return t
}

func dense(x []float32, rows, cols int) *mat.Dense {
	d := mat.NewDense(rows, cols, nil)
	for i, v := range x {
		d.Set(i/cols, i%cols, float64(v))
	}
	return d
}

// orthonormalise makes rows of q [block, n] an orthonormal basis of what they span: Gram and Schmidt's, modified, twice. A row that
// depends on those before it becomes zero.
func orthonormalise(q []float32, block, n int) {
	rows := make([][]float64, block)
	for i := range rows {
		rows[i] = make([]float64, n)
		for j, v := range q[i*n:][:n] {
			rows[i][j] = float64(v)
		}
	}
	for i, row := range rows {
		before := math.Sqrt(product(row, row))
		for range 2 {
			for _, other := range rows[:i] {
				along := product(row, other)
				for j, v := range other {
					row[j] -= along * v
				}
			}
		}
		scale := 0.0
		if norm := math.Sqrt(product(row, row)); norm > 1e-12*before {
			scale = 1 / norm
		}
		for j := range row {
			row[j] *= scale
			q[i*n+j] = float32(row[j])
		}
	}
}

func product(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
