package kernels

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"moslava/internal/golden"
)

// TestNF4IsBitsandbytes compares with what bitsandbytes 0.50.2 made of the same weights: every byte and every bit.
func TestNF4IsBitsandbytes(t *testing.T) {
	g := golden.Open(t, "testdata/nf4.safetensors")
	if got, want := nf4tab[:], g.Float32(t, "table.nf4"); !slices.Equal(got, want) {
		t.Errorf("codes stand for %v, want %v", got, want)
	}
	if got, want := DynamicMap(), g.Float32(t, "table.dynamic_map"); !slices.Equal(got, want) {
		t.Errorf("the dynamic map is %v, want %v", got, want)
	}
	for _, name := range []string{"square", "wide", "tail", "two_nested", "short_odd"} {
		shape := g.Shape(t, name+".weight")
		q := on.QuantizeNF4(g.Float32(t, name+".weight"), shape[0], shape[1])
		if want := octets(g.Int64(t, name+".dq.packed")); !bytes.Equal(q.Codes, want) {
			t.Errorf("%s: codes differ at %d", name, differ(q.Codes, want))
		}
		if want := octets(g.Int64(t, name+".dq.absmax_u8")); !bytes.Equal(q.Absmax, want) {
			t.Errorf("%s: absmax differs at %d", name, differ(q.Absmax, want))
		}
		if want := g.Float32(t, name+".dq.nested_absmax"); !slices.Equal(q.Nested, want) {
			t.Errorf("%s: nested absmax %v, want %v", name, q.Nested, want)
		}
		if want := g.Float32(t, name+".dq.offset"); q.Offset != want[0] {
			t.Errorf("%s: offset %g, want %g", name, q.Offset, want[0])
		}
		if want := g.Float32(t, name+".dq.absmax"); !slices.Equal(q.Scales(), want) {
			t.Errorf("%s: other scales", name)
		}
		dense := make([]float32, shape[0]*shape[1])
		if q.Dense(dense); g.Has(name+".dq.dequant") && !slices.Equal(dense, g.Float32(t, name+".dq.dequant")) {
			t.Errorf("%s: another dequantised weight", name)
		}
		if g.Has(name+".nf4.dequant") && shape[1]%64 == 0 { // without double quantisation
			single := make([]float32, len(dense))
			on.Pack(g.Float32(t, name+".weight"), shape[0], shape[1], NF4Single).Dense(on, single)
			if want := g.Float32(t, name+".nf4.dequant"); !slices.Equal(single, want) {
				t.Errorf("%s: another dequantised weight without double quantisation", name)
			}
		}
		p, err := q.Pack(on)
		if shape[1]%64 != 0 {
			if err == nil {
				t.Errorf("%s: rows of %d elements are packed", name, shape[1])
			}
			continue
		}
		got := make([]float32, len(dense))
		if p.Dense(on, got); !slices.Equal(got, dense) {
			t.Errorf("%s: packing changes the weight", name)
		}
	}
}

func octets(v []int64) []byte {
	out := make([]byte, len(v))
	for i, x := range v {
		out[i] = byte(x)
	}
	return out
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// nearest is how the edges are defined: the first of the smallest distances.
func nearest(table []float32, v float32) byte {
	best := 0
	for i := range table {
		if d := float32(math.Abs(float64(v - table[i]))); d < float32(math.Abs(float64(v-table[best]))) {
			best = i
		}
	}
	return byte(best)
}

func TestNearestCode(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	check := func(v float32) {
		if got, want := nf4Nearest(v), nearest(nf4tab[:], v); got != want {
			t.Fatalf("%g (%x) has code %d, want %d", v, math.Float32bits(v), got, want)
		}
		if got, want := dynamicNearest(v), nearest(DynamicMap(), v); got != want {
			t.Fatalf("%g (%x) is entry %d, want %d", v, math.Float32bits(v), got, want)
		}
	}
	for range 20000 {
		check(float32(2*r.Float64() - 1))
		check(float32(r.NormFloat64() * 1e-4))
	}
	for _, table := range [][]float32{nf4tab[:], DynamicMap()} {
		for i := range len(table) - 1 {
			mid := (table[i] + table[i+1]) / 2
			for d := -3; d <= 3; d++ {
				check(unordered(ordered(mid) + int64(d)))
			}
			check(table[i])
		}
	}
	for _, v := range []float32{0, float32(math.Copysign(0, -1)), 1, -1} {
		check(v)
	}
}

func TestNF4Extremes(t *testing.T) {
	w := make([]float32, 3*64)
	w[64], w[65] = 2, -1
	q := on.QuantizeNF4(w, 3, 64)
	got := make([]float32, len(w))
	q.Dense(got)
	for i, v := range got {
		if (i < 64 || i >= 66) && v != 0 {
			t.Fatalf("element %d is %g, want 0", i, v)
		}
	}
	w[130] = float32(math.NaN())
	on.QuantizeNF4(w, 3, 64).Dense(got)
	if v := got[130]; v == v {
		t.Errorf("a NaN becomes %g", v)
	}
	if e := on.QuantizeNF4(nil, 0, 64); len(e.Codes) != 0 {
		t.Error("nothing has codes")
	}
}

// TestNF4Product: what is computed with the packed weight is computed with the dequantised one.
func TestNF4Product(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, s := range []struct{ m, n, k int }{{1, 40, 64}, {1, 16, 320}, {5, 33, 128}, {30, 70, 576}} {
			w := floats(r, s.n*s.k)
			p, err := on.QuantizeNF4(w, s.n, s.k).Pack(on)
			if err != nil {
				t.Fatal(err)
			}
			if p.Bytes() != PackedBytes(NF4, s.n, s.k) {
				t.Errorf("%v: %d bytes, PackedBytes says %d", s, p.Bytes(), PackedBytes(NF4, s.n, s.k))
			}
			p.Dense(on, w)
			plain := on.Pack(w, s.n, s.k, F32)
			x, dy := floats(r, s.m*s.k), floats(r, s.m*s.n)
			y, want := make([]float32, s.m*s.n), make([]float32, s.m*s.n)
			on.Mul(s.m, x, s.k, 1, p, y, s.n, false)
			on.Mul(s.m, x, s.k, 1, plain, want, s.n, false)
			if !slices.Equal(y, want) {
				t.Errorf("%v: x·Wᵀ differs", s)
			}
			dx, want := make([]float32, s.m*s.k), make([]float32, s.m*s.k)
			on.Mul(s.m, dy, s.n, 1, p.T(), dx, s.k, false)
			on.Mul(s.m, dy, s.n, 1, plain.T(), want, s.k, false)
			if !slices.Equal(dx, want) {
				t.Errorf("%v: dy·W differs", s)
			}
		}
	})
}

func TestRow(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, kind := range []Kind{F32, BF16, NF4} {
		for _, s := range [][2]int{{1, 64}, {35, 64}, {16, 24}, {33, 7}} {
			n, k := s[0], s[1]
			p := on.Pack(floats(r, n*k), n, k, kind)
			if p.Bytes() != PackedBytes(kind, n, k) {
				t.Errorf("%s %v: %d bytes, PackedBytes says %d", kind, s, p.Bytes(), PackedBytes(kind, n, k))
			}
			dense, row := make([]float32, n*k), make([]float32, k)
			p.Dense(on, dense)
			for i := range n {
				if p.Row(i, row); !slices.Equal(row, dense[i*k:][:k]) {
					t.Fatalf("%s %v: row %d is %v, want %v", kind, s, i, row, dense[i*k:][:k])
				}
			}
		}
	}
}

func floats(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

func BenchmarkQuantizeNF4(b *testing.B) {
	const n, k = 1024, 4096
	w := floats(rand.New(rand.NewPCG(1, 1)), n*k)
	for range b.N {
		if _, err := on.QuantizeNF4(w, n, k).Pack(on); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n*k/b.Elapsed().Seconds()/1e6, "M/s")
}

// TestNF4CodeIsTheNearest compares the look-up with trying all codes, around the middles between them above all.
func TestNF4CodeIsTheNearest(t *testing.T) {
	try := func(v float32) byte {
		best, dist := 0, float32(math.MaxFloat32)
		for i, c := range nf4tab {
			if d := float32(math.Abs(float64(v - c))); d < dist {
				best, dist = i, d
			}
		}
		return byte(best)
	}
	check := func(v float32) {
		if got, want := nf4Code(v), try(v); got != want {
			t.Fatalf("%g has code %d, want %d", v, got, want)
		}
	}
	for _, v := range append(draw(1, 1e6), 1.0000001, -1.0000001, 1, -1, 0, nan, inf, -inf, 1e-42) {
		check(v)
	}
	for i := range 15 {
		v := (nf4tab[i] + nf4tab[i+1]) / 2
		for range 1000 {
			v = math.Nextafter32(v, -2)
		}
		for range 2000 {
			check(v)
			v = math.Nextafter32(v, 2)
		}
	}
}
