package kernels

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"
)

// on is what the tests compute on.
var on = Workers(runtime.GOMAXPROCS(0))

var (
	nan  = float32(math.NaN())
	inf  = float32(math.Inf(1))
	odds = []float32{0, float32(math.Copysign(0, -1)), inf, -inf, nan, 1e-42, -1e-42, math.MaxFloat32, 88, -88, 90, -90, 1e20, -1e20}
)

// draw gives n numbers from [-1, 1), always the same for a seed.
func draw(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}

// oddities is draw with numbers in between on which kernels might disagree.
func oddities(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	x := draw(seed, n)
	for i := range x {
		if x[i] *= 4; r.IntN(3) == 0 {
			x[i] = odds[r.IntN(len(odds))]
		}
	}
	return x
}

// sameBits reports the first element that differs; one NaN is like another.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i, g := range got {
		if w := want[i]; math.Float32bits(g) != math.Float32bits(w) && !(g != g && w != w) {
			t.Errorf("%s: element %d is %g, want %g", what, i, g, w)
			return
		}
	}
}

// within reports the element of got that is farthest from want if that is more than tol.
func within(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	worst, at := 0.0, -1
	for i, g := range got {
		if d := math.Abs(float64(g) - want[i]); !(d <= worst) {
			worst, at = d, i
		}
	}
	if !(worst <= tol) {
		t.Errorf("%s: element %d of %d is %g, want %g within %g", what, at, len(got), got[at], want[at], tol)
	}
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// Element-wise kernels, dequantisation and transposition: assembly and plain Go agree to the bit.
func TestVectorKernelsAgreeToTheBit(t *testing.T) { eachPath(t, vectorKernelsAgreeToTheBit) }

func vectorKernelsAgreeToTheBit(t *testing.T) {
	cases := map[string]func(v [][]float32){
		"add":          func(v [][]float32) { vecAdd(v[0], v[1], v[2]) },
		"mul":          func(v [][]float32) { vecMul(v[0], v[1], v[2]) },
		"scale":        func(v [][]float32) { vecScale(v[0], v[1], -1.7) },
		"axpy":         func(v [][]float32) { vecAxpy(v[0], v[1], 0.3) },
		"mulAdd":       func(v [][]float32) { vecMulAdd(v[0], v[1], v[2]) },
		"centreMul":    func(v [][]float32) { vecCentreMul(v[0], v[1], -0.4) },
		"recip1p":      func(v [][]float32) { vecRecip1p(v[0], v[1]) },
		"rmsRow":       func(v [][]float32) { rmsRow(v[0], v[1], v[2], 0.7) },
		"layerRow":     func(v [][]float32) { layerRow(v[0], v[1], v[2], v[3], 0.2, 1.3) },
		"rotate":       func(v [][]float32) { rotate(v[0], v[1], v[2], v[3], -1) },
		"sigmoidSlope": func(v [][]float32) { sigmoidSlope(v[0], v[1], v[2], 1.702) },
		"normalCDF":    func(v [][]float32) { normalCDF(v[0], v[1], v[2]) },
		"adamW": func(v [][]float32) {
			(&AdamW{0.99, 0.1, 0.999, 0.001, 0.3, 1e-8, -2e-3}).Update(v[0], v[1], v[2], v[3])
		},
		"adamW, lerp from the end": func(v [][]float32) {
			(&AdamW{1, 0.6, 0.999, 0.001, 0.3, 1e-8, -2e-3}).Update(v[0], v[1], v[2], v[3])
		},
		"max": func(v [][]float32) {
			if len(v[0]) > 0 {
				v[0][0] = maxVec(v[1])
			}
		},
		"dot": func(v [][]float32) {
			if len(v[0]) > 0 {
				v[0][0] = Dot(v[1], v[2])
			}
		},
		"centred": func(v [][]float32) {
			if len(v[0]) > 1 {
				a, b := centred(v[1], 0.4)
				v[0][0], v[0][1] = float32(a), float32(b)
			}
		},
	}
	for name, run := range cases {
		for _, fill := range []func(uint64, int) []float32{draw, oddities} {
			for n := range 70 {
				assembly, plain := bothPaths(func() []float32 {
					v := make([][]float32, 4)
					for i := range v {
						v[i] = fill(uint64(7*n+i), n)
					}
					run(v)
					return slices.Concat(v...)
				})
				sameBits(t, name, assembly, plain)
			}
		}
	}
}

func TestExpandAndTransposeAgreeToTheBit(t *testing.T) { eachPath(t, expandAndTransposeAgreeToTheBit) }

func expandAndTransposeAgreeToTheBit(t *testing.T) {
	for _, k := range []int{1, 2, 3, 8, 17} {
		u := make([]uint32, k*8)
		for i := range u {
			u[i] = math.Float32bits(draw(uint64(i), 1)[0])
		}
		a, b := bothPaths(func() []float32 {
			dst := make([]float32, k*nr)
			bf16Expand(k, unsafe.Pointer(&u[0]), &dst[0])
			return dst
		})
		sameBits(t, "bf16Expand", a, b)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, nb := range []int{1, 2, 6} {
		q, s := make([]byte, nb*512), draw(9, nb*nr)
		for i := range q {
			q[i] = byte(r.Uint32())
		}
		a, b := bothPaths(func() []float32 {
			dst := make([]float32, nb*64*nr)
			nf4Dequant(nb, &q[0], &s[0], &dst[0])
			return dst
		})
		sameBits(t, "nf4Dequant", a, b)
		for _, pairs := range []int{1, 3, 8, 32} {
			a, b := bothPaths(func() []float32 {
				dst := make([]float32, pairs*2*nr)
				nf4DequantN(pairs, &q[0], &s[0], &dst[0])
				return dst
			})
			sameBits(t, "nf4DequantN", a, b)
		}
		for _, ldd := range []int{8, 16, 6} { // 6: rows overlap, the later wins
			src, lds := draw(11, 8*(nb*8+5)), nb*8+5
			a, b := bothPaths(func() []float32 {
				dst := make([]float32, nb*8*ldd+8)
				packT8(nb, unsafe.Pointer(&src[0]), lds*4, &dst[0], ldd*4)
				return dst
			})
			sameBits(t, "packT8", a, b)
		}
	}
}

// The products fuse multiplication and addition in assembly: equal up to 2e-7 of Σ|a·b|.
func TestProductKernelsAgree(t *testing.T) { eachPath(t, productKernelsAgree) }

func productKernelsAgree(t *testing.T) {
	for _, k := range []int{1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 383, 384} {
		a, b := draw(1, k*maxTall), draw(2, 2*k*nr)
		tol := 2e-7 * float64(k)
		for acc := range 2 {
			for rows := 1; rows <= tallest(); rows++ {
				for _, n := range []int{1, 7, 15, 16, 17, 31, 32} {
					ldc := n + rows
					asm, plain := bothPaths(func() []float32 {
						c, s := draw(5, rows*ldc+40), new(scratch)
						tile(k, rows, &a[0], unsafe.Pointer(&b[0]), unsafe.Pointer(&b[k*nr]), c, ldc, n, unsafe.Pointer(&b[0]), acc, s)
						return c
					})
					within(t, "tile", asm, wide(plain), tol)
					for i := range rows {
						sameBits(t, "beside C", asm[i*ldc+n:(i+1)*ldc], plain[i*ldc+n:(i+1)*ldc])
					}
				}
			}
			for _, stride := range []int{0, k * nr * 4} {
				asm, plain := bothPaths(func() []float32 {
					y := draw(6, 40)
					gemvF32(k, &a[0], unsafe.Pointer(&b[0]), stride, &y[0], acc)
					return y
				})
				within(t, "gemvF32", asm, wide(plain), tol)
				sameBits(t, "after y", asm[32:], plain[32:])
			}
			u := make([]uint32, 2*k*8)
			for i := range u {
				u[i] = uint32(ToBF16(b[2*i])) | uint32(ToBF16(b[2*i+1]))<<16
			}
			asm, plain := bothPaths(func() []float32 {
				y := draw(6, 40)
				gemvBF16(k, &a[0], unsafe.Pointer(&u[0]), k*8*4, &y[0], acc)
				return y
			})
			within(t, "gemvBF16", asm, wide(plain), tol)
		}
	}
}

func TestNF4RowKernelAgrees(t *testing.T) { eachPath(t, nf4RowKernelAgrees) }

func nf4RowKernelAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for nb := 1; nb <= 6; nb++ {
		q, s, x := make([]byte, 2*nb*512), draw(7, 2*nb*nr), draw(8, nb*64)
		for i := range q {
			q[i] = byte(r.Uint32())
		}
		for acc := range 2 {
			for second := range 2 {
				asm, plain := bothPaths(func() []float32 {
					y := draw(6, 40)
					gemvNF4(nb, &x[0], unsafe.Pointer(&q[0]), second*nb*512, &s[0], second*nb*nr*4, &y[0], acc)
					return y
				})
				within(t, "gemvNF4", asm, wide(plain), 2e-7*float64(nb*64))
				sameBits(t, "after y", asm[32:], plain[32:])
			}
		}
	}
}

func TestExp(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		var x []float32
		for v := -87.33; v < 88.37; v += 0.0137 {
			x = append(x, float32(v))
		}
		for n := len(x) - 20; n <= len(x); n++ {
			y := make([]float32, n)
			Exp(y, x[:n], 0)
			for i, v := range x[:n] {
				w := math.Exp(float64(v))
				if d := math.Abs(float64(y[i])-w) / w; !(d < 3e-7) {
					t.Fatalf("exp(%g) = %g, want %g", v, y[i], w)
				}
			}
			short := x[:6000+n%16] // the sum of all overflows
			var want float64
			for _, v := range short {
				want += math.Exp(float64(v))
			}
			if d := math.Abs(float64(Exp(y[:len(short)], short, 0))-want) / want; !(d < 1e-6) {
				t.Errorf("the sum of %d is off by %g of it", len(short), d)
			}
		}
		for _, c := range []struct{ x, sub, want float32 }{{nan, 0, nan}, {0, nan, nan}, {inf, 0, inf}, {-inf, 0, 0},
			{-87.7, 0, 0}, {88.38, 0, inf}, {-1e30, 0, 0}, {1e30, 0, inf}, {inf, inf, nan}, {-inf, -inf, nan}, {5, 5, 1}} {
			for _, n := range []int{1, 3, 8, 9, 16, 19} {
				x := make([]float32, n)
				x[n-1] = c.x
				Exp(x, x, c.sub)
				sameBits(t, "exp", x[n-1:], []float32{c.want})
			}
		}
	})
}
