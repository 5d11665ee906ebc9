package kernels

import (
	"fmt"
	"math"
	"testing"
)

// right is a right-hand matrix under test with its elements [K, N].
type right struct {
	name  string
	b     *Packed
	dense []float32
}

// rights gives [k, n] in every form that Mul takes.
func rights(k, n int) (out []right) {
	w := draw(uint64(100*k+n), n*k) // [n, k]
	wt := make([]float32, k*n)
	for i := range n {
		for j := range k {
			wt[j*n+i] = w[i*k+j]
		}
	}
	add := func(name string, b *Packed) {
		r := right{name: name, b: b, dense: make([]float32, k*n)}
		for i := range k {
			for j := range n {
				r.dense[i*n+j] = b.at(i, j)
			}
		}
		out = append(out, r)
	}
	for _, kind := range []Kind{F32, BF16, F16, NF4, Q8} {
		add(kind.String(), on.Pack(w, n, k, kind))
		add(kind.String()+" transposed", on.Pack(wt, k, n, kind).T())
	}
	ld := n + 5
	spaced := draw(3, k*ld+5)
	for i := range k {
		copy(spaced[i*ld:], wt[i*n:][:n])
	}
	add("NK", NK(w, n, k, k))
	add("KN", KN(spaced, k, n, ld))
	add("NK transposed", NK(wt, k, n, n).T())
	add("KN transposed", KN(w, n, k, k).T())
	return out
}

// product is the float64 product and the bound Σ|a·b| of its elements.
func product(m, k, n int, a []float32, rs, cs int, b, c0 []float32) (want, size []float64) {
	want, size = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			s, z := 0.0, 0.0
			if c0 != nil {
				s = float64(c0[i*n+j])
				z = math.Abs(s)
			}
			for l := range k {
				p := float64(a[i*rs+l*cs]) * float64(b[l*n+j])
				s, z = s+p, z+math.Abs(p)
			}
			want[i*n+j], size[i*n+j] = s, z
		}
	}
	return want, size
}

func checkMul(t *testing.T, m, k, n int, r right) {
	for _, transposed := range []bool{false, true} {
		rs, cs := k+3, 1
		if transposed {
			rs, cs = 1, m+2
		}
		a := draw(uint64(m), max(1, (m+3)*(k+3)))
		for _, acc := range []bool{false, true} {
			ldc := n + 3
			c := draw(4, m*ldc)
			beside := append([]float32(nil), c...)
			var c0 []float32
			if acc {
				for i := range m {
					c0 = append(c0, c[i*ldc:][:n]...)
				}
			}
			want, size := product(m, k, n, a, rs, cs, r.dense, c0)
			on.Mul(m, a, rs, cs, r.b, c, ldc, acc)
			for i := range m {
				sameBits(t, "beside C", c[i*ldc+n:(i+1)*ldc], beside[i*ldc+n:(i+1)*ldc])
				for j := range n {
					if d := math.Abs(float64(c[i*ldc+j]) - want[i*n+j]); !(d <= 1e-6*size[i*n+j]) {
						t.Fatalf("%s m %d k %d n %d transposed %v accumulate %v: (%d, %d) is %g, want %g",
							r.name, m, k, n, transposed, acc, i, j, c[i*ldc+j], want[i*n+j])
					}
				}
			}
		}
	}
}

func TestMulAgainstFloat64(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	on = Workers(1) // TestThreadsChangeNoBit ties the others to it
	eachPath(t, func(t *testing.T) {
		for _, k := range []int{0, 1, 7, 8, 9, 64, 65, kcMax - 1, kcMax, kcMax + 1, 2*kcMax + 1} {
			for _, n := range []int{1, 9, 15, 16, 17, 31, 32, 33} {
				for _, r := range rights(k, n) {
					for _, m := range []int{0, 1, 5, 6, 7, 13, 14, 15} {
						checkMul(t, m, k, n, r)
					}
				}
			}
		}
		for _, s := range [][3]int{{97, 130, 75}, {300, 70, 16}, {64, 500, 8}, {25, 16, 300}, {1, 700, 400},
			{460, 40, 20}, {mcMax + 40, 9, 300}, {3, ksMax + 20, 270}} {
			for _, r := range rights(s[1], s[2]) {
				checkMul(t, s[0], s[1], s[2], r)
			}
		}
	})
}

func TestARowHasTheSameBitsAloneAndAmongOthers(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	on = Workers(1) // TestThreadsChangeNoBit ties the others to it
	eachPath(t, func(t *testing.T) {
		for _, k := range []int{1, 3, 64, 100, 384, 385, 450, 1153} {
			for _, n := range []int{1, 16, 17, 40, 144} {
				const m = 13
				a := draw(uint64(k), m*k)
				for _, r := range rights(k, n) {
					for _, acc := range []bool{false, true} {
						all, one := draw(8, m*n), draw(8, m*n)
						on.Mul(m, a, k, 1, r.b, all, n, acc)
						for i := range m {
							on.Mul(1, a[i*k:], k, 1, r.b, one[i*n:], n, acc)
						}
						sameBits(t, fmt.Sprintf("%s k %d n %d accumulate %v", r.name, k, n, acc), one, all)
					}
				}
			}
		}
	})
}

func TestMulPassesOnWhatIsNotANumber(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for _, bad := range []float32{nan, inf} {
			for _, m := range []int{1, 4, 8} {
				const k, n = 70, 19
				a, w, c := draw(1, m*k), draw(2, n*k), make([]float32, m*n)
				a[(m-1)*k+65] = bad
				for _, kind := range []Kind{F32, BF16, F16, NF4, Q8} {
					on.Mul(m, a, k, 1, on.Pack(w, n, k, kind), c, n, false)
					for i, v := range c {
						if finite := !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0); finite != (i < (m-1)*n) {
							if kind == NF4 && v != v {
								continue
							}
							t.Fatalf("%v m %d: element %d is %g with %g in the last row of A", kind, m, i, v, bad)
						}
					}
				}
			}
		}
	})
}

// Dense gives back what was packed, rounded as the kind rounds.
func TestPackKeepsTheWeight(t *testing.T) {
	for _, s := range [][2]int{{1, 1}, {16, 64}, {17, 65}, {33, 130}, {5, 200}} {
		n, k := s[0], s[1]
		w, got := draw(1, n*k), make([]float32, n*k)
		on.Pack(w, n, k, F32).Dense(on, got)
		sameBits(t, "float32", got, w)
		on.Pack(w, n, k, BF16).Dense(on, got)
		for i, v := range w {
			if math.Abs(float64(got[i]-v)) > math.Abs(float64(v))/256 {
				t.Fatalf("bfloat16 of %g is %g", v, got[i])
			}
		}
		on.Pack(w, n, k, NF4).Dense(on, got)
		for r := range n {
			for b := 0; b < k; b += 64 {
				blk := w[r*k+b : r*k+min(k, b+64)]
				for i, v := range blk {
					if d := math.Abs(float64(got[r*k+b+i] - v)); d > 0.152*math.Abs(float64(absMax(blk))) { // half the widest gap of the code
						t.Fatalf("nf4 of %g is %g", v, got[r*k+b+i])
					}
				}
			}
		}
	}
}

func absMax(x []float32) (m float32) {
	for _, v := range x {
		m = max(m, v, -v)
	}
	return m
}

func TestToBF16(t *testing.T) {
	for _, c := range []struct {
		in   uint32
		want uint16
	}{{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0x7f800000, 0x7f80}, {0x7f800001, 0x7fc0}, {0x7f7fffff, 0x7f80}} {
		if got := ToBF16(math.Float32frombits(c.in)); got != c.want {
			t.Errorf("%08x becomes %04x, want %04x", c.in, got, c.want)
		}
	}
}

func TestMulRefusesShortOperands(t *testing.T) {
	a, w := make([]float32, 12), make([]float32, 20)
	for name, f := range map[string]func(){
		"a":   func() { on.Mul(3, a[:11], 4, 1, NK(w, 5, 4, 4), make([]float32, 15), 5, false) },
		"b":   func() { on.Mul(3, a, 4, 1, NK(w[:19], 5, 4, 4), make([]float32, 15), 5, false) },
		"c":   func() { on.Mul(3, a, 4, 1, NK(w, 5, 4, 4), make([]float32, 14), 5, false) },
		"ldc": func() { on.Mul(3, a, 4, 1, NK(w, 5, 4, 4), make([]float32, 15), 4, false) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is too short and Mul went on", name)
				}
			}()
			f()
		}()
	}
}
