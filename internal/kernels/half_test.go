package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestEveryHalf widens all half-precision numbers in assembly and in Go, narrows them again, and narrows what lies
// around the middle between neighbours.
func TestEveryHalf(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		all := make([]uint32, 1<<15)
		for i := range all {
			all[i] = uint32(2*i) | uint32(2*i+1)<<16
		}
		wide := make([]float32, 1<<16)
		f16Expand(1<<12, unsafe.Pointer(&all[0]), &wide[0])
		for i, v := range wide {
			h := uint16(i)
			if u := FromF16(h); math.Float32bits(u) != math.Float32bits(v) {
				t.Fatalf("%#04x is %g, in Go %g", h, v, u)
			}
			want := math.Ldexp(float64(h&0x3ff|0x400), int(h>>10&0x1f)-25)
			switch e := h >> 10 & 0x1f; {
			case e == 0:
				want = math.Ldexp(float64(h&0x3ff), -24)
			case e == 31 && h&0x3ff == 0:
				want = math.Inf(1)
			case e == 31:
				want = math.NaN()
			}
			if h>>15 == 1 {
				want = -want
			}
			if g := float64(v); g != want && g == g || math.Signbit(g) != (h>>15 == 1) {
				t.Fatalf("%#04x is %g, want %g", h, v, want)
			}
			if back := ToF16(v); back != h && v == v {
				t.Fatalf("%#04x comes back as %#04x", h, back)
			}
		}
		r := rand.New(rand.NewPCG(1, 3))
		var src [nr]float32
		var asm, plain [8]uint32
		for h := range 0x7c00 {
			lo, hi := FromF16(uint16(h)), FromF16(uint16(h+1))
			if h == 0x7bff {
				hi = 65536
			}
			mid := (lo + hi) / 2
			even := uint16(h + h&1)
			below, above := math.Nextafter32(mid, 0), math.Nextafter32(mid, hi)
			if ToF16(mid) != even || ToF16(-mid) != even|0x8000 || ToF16(below) != uint16(h) || ToF16(above) != uint16(h+1) {
				t.Fatalf("between %g and %g: the middle goes to %#04x, below to %#04x, above to %#04x", lo, hi, ToF16(mid), ToF16(below), ToF16(above))
			}
			src = [nr]float32{mid, -mid, below, above, lo, -hi, nan, inf}
			for i := 8; i < nr; i++ {
				src[i] = math.Float32frombits(r.Uint32())
			}
			f16Narrow(1, &src[0], unsafe.Pointer(&asm[0]))
			f16NarrowGo(1, &src[0], unsafe.Pointer(&plain[0]))
			if asm != plain {
				t.Fatalf("%v narrows to %x, in Go to %x", src, asm, plain)
			}
		}
	})
}

// halves are n numbers that half precision has, subnormal ones and zeros of both signs among them.
func halves(seed uint64, n int) []float32 {
	x := draw(seed, n)
	for i := range x {
		scale := []float32{1, 1e-3, 3e-7, 0}[i%4]
		x[i] = FromF16(ToF16(x[i] * scale))
	}
	return x
}

func TestLossless(t *testing.T) {
	bf := draw(5, 40000)
	for i, v := range bf {
		bf[i] = math.Float32frombits(uint32(ToBF16(v*1e-20)) << 16)
	}
	for _, at := range []int{0, 63, 64, 1<<14 - 1, 1 << 14, 39999} {
		for name, c := range map[string]struct {
			w    []float32
			odd  float32
			want Kind
		}{
			"half":                 {halves(1, 40000), 0, F16},
			"half, largest":        {halves(1, 40000), -65504, F16},
			"half, smallest":       {halves(1, 40000), -0x1p-24, F16},
			"half, infinite":       {halves(1, 40000), inf, F16},
			"half but too large":   {halves(1, 40000), 65536 + 4096, F32},
			"half but too small":   {halves(1, 40000), 0x1p-25, F32},
			"half but too fine":    {halves(1, 40000), 1 + 0x1p-11, F32},
			"half but subnormal":   {halves(1, 40000), 0x1p-15 + 0x1p-25, F32},
			"bfloat16":             {bf, 0x1p-126, BF16},
			"bfloat16, zero":       {bf, float32(math.Copysign(0, -1)), BF16},
			"bfloat16 but finer":   {bf, 1 + 0x1p-8, F32},
			"bfloat16 but a NaN":   {bf, nan, F32},
			"neither":              {draw(2, 40000), 1, F32},
			"bfloat16, subnormal":  {bf, math.Float32frombits(1 << 16), BF16},
			"bfloat16, half finer": {bf, math.Float32frombits(1), F32},
		} {
			w := append([]float32(nil), c.w...)
			w[at] = c.odd
			if got := on.Lossless(w); got != c.want {
				t.Errorf("%s, %g at %d: kept as %s, want %s", name, c.odd, at, got, c.want)
			}
		}
	}
	if got := on.Lossless(nil); got != F16 {
		t.Errorf("nothing is kept as %s", got)
	}
}

// TestLosslessChangesNoBit multiplies in both directions, one row and many, with weights that are kept in fewer bits and in float32.
func TestLosslessChangesNoBit(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	eachPath(t, func(t *testing.T) {
		for _, kind := range []Kind{F16, BF16} {
			for _, n := range []int{1, 15, 16, 33, 64, 129, 300} {
				for _, k := range []int{1, 17, 64, kcMax + 9, 2*kcMax + 64} {
					w := halves(uint64(n), n*k)
					for i, v := range w {
						if kind == BF16 {
							w[i] = math.Float32frombits(uint32(ToBF16(v*1e-9)) << 16)
						}
					}
					small, large := on.Pack(w, n, k, kind), on.Pack(w, n, k, F32)
					dense, row := make([]float32, n*k), make([]float32, k)
					small.Dense(on, dense)
					sameBits(t, "Dense", dense, w)
					small.Row(n-1, row)
					sameBits(t, "Row", row, w[(n-1)*k:])
					if small.Bytes()*2 != large.Bytes() || small.Bytes() != PackedBytes(kind, n, k) {
						t.Fatalf("%s takes %d bytes, float32 %d", kind, small.Bytes(), large.Bytes())
					}
					for _, m := range []int{1, 2, 7, 29, 150} {
						on := Workers(1 + m%3)
						for _, b := range [][2]*Packed{{small, large}, {small.T(), large.T()}} {
							x := draw(uint64(m), m*b[0].K)
							y, z := draw(1, m*b[0].N), draw(1, m*b[0].N)
							for _, add := range []bool{false, true} {
								on.Mul(m, x, b[0].K, 1, b[0], y, b[0].N, add)
								on.Mul(m, x, b[1].K, 1, b[1], z, b[1].N, add)
								sameBits(t, fmt.Sprintf("%s, %d rows times [%d, %d], adding %v", kind, m, b[0].K, b[0].N, add), y, z)
							}
						}
					}
				}
			}
		}
	})
}
