package safetensors

import (
	"math"
	"testing"
)

// TestRoundingMatchesTorch compares with the casts of torch 2.15.0 on random
// bit patterns and around every border of half precision.
func TestRoundingMatchesTorch(t *testing.T) {
	f := open(t, "testdata/rounding.safetensors")
	in, err := f.Float32("f32")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name  string
		round func(float32) uint16
		widen func(uint16) float32
	}{
		{"f16.bits", Float16bits, Float16frombits},
		{"bf16.bits", BFloat16bits, BFloat16frombits},
	}
	for _, c := range cases {
		want, err := f.Int64(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if len(in) < 2000 || len(want) != len(in) {
			t.Fatalf("%s: %d values in, %d out", c.name, len(in), len(want))
		}
		for i, v := range in {
			got := c.round(v)
			if v != v {
				if w := c.widen(got); w == w {
					t.Errorf("%s: NaN %#08x became %g", c.name, math.Float32bits(v), w)
				}
			} else if got != uint16(want[i]) {
				t.Errorf("%s: %g (%#08x) became %#04x, want %#04x", c.name, v, math.Float32bits(v), got, uint16(want[i]))
			}
		}
	}
}

// TestWideningIsExact goes through all 65536 numbers of both types: the value
// must be the one the definition gives, and rounding must lead back.
func TestWideningIsExact(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		exp, mantissa := int(h>>10&0x1f), float64(h&0x3ff)
		want := math.Ldexp(1+mantissa/1024, exp-15)
		switch exp {
		case 0:
			want = math.Ldexp(mantissa, -24)
		case 0x1f:
			if want = math.Inf(1); mantissa != 0 {
				want = math.NaN()
			}
		}
		if h&0x8000 != 0 {
			want = -want
		}
		got := Float16frombits(h)
		switch {
		case math.IsNaN(want):
			if got == got {
				t.Fatalf("half %#04x = %g, want NaN", h, got)
			}
		case math.Float64bits(float64(got)) != math.Float64bits(want):
			t.Fatalf("half %#04x = %g, want %g", h, got, want)
		case Float16bits(got) != h:
			t.Fatalf("half %#04x came back as %#04x", h, Float16bits(got))
		}

		b := BFloat16frombits(h)
		if math.Float32bits(b) != uint32(h)<<16 {
			t.Fatalf("bfloat16 %#04x has bits %#08x", h, math.Float32bits(b))
		}
		if back := BFloat16bits(b); b == b && back != h {
			t.Fatalf("bfloat16 %#04x came back as %#04x", h, back)
		}
	}
}

// TestRoundingTies checks, for every finite pair of neighbours, that the
// middle goes to the even one and anything else to the nearer one.
func TestRoundingTies(t *testing.T) {
	types := []struct {
		name  string
		round func(float32) uint16
		widen func(uint16) float32
		last  uint16 // the largest finite number
	}{
		{"F16", Float16bits, Float16frombits, 0x7bff},
		{"BF16", BFloat16bits, BFloat16frombits, 0x7f7f},
	}
	for _, c := range types {
		for h := uint16(0); h < c.last; h++ {
			mid := float32((float64(c.widen(h)) + float64(c.widen(h+1))) / 2)
			even := h + h&1
			if got := c.round(mid); got != even {
				t.Fatalf("%s: middle above %#04x became %#04x, want %#04x", c.name, h, got, even)
			}
			if got := c.round(math.Nextafter32(mid, 0)); got != h {
				t.Fatalf("%s: below the middle above %#04x became %#04x", c.name, h, got)
			}
			if got := c.round(-math.Nextafter32(mid, math.MaxFloat32)); got != h+1|0x8000 {
				t.Fatalf("%s: above the middle above %#04x became %#04x", c.name, h, got)
			}
		}
	}
}
