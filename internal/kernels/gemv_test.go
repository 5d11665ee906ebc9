package kernels

import (
	"fmt"
	"testing"
	"time"
)

// TestRowsOfAnyNumberHaveTheSameBits ties a row that is alone to the same row among others, with every
// storage, around the widths that the row kernels take, and several matrices at once to one by one.
func TestRowsOfAnyNumberHaveTheSameBits(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	eachPath(t, func(t *testing.T) {
		for _, k := range []int{1, 63, 64, kcMax, kcMax + 64, 2*kcMax + 70} {
			for _, n := range []int{1, 16, 17, 32, 33, 48, 49, 63, 64, 65, 95, 96, 97, 129, 700} {
				for _, kind := range []Kind{F32, BF16, F16, NF4, Q8} {
					const m = 9
					b, x := on.Pack(draw(1, n*k), n, k, kind), draw(2, m*k)
					on = Workers(1)
					all := make([]float32, m*n)
					on.Mul(m, x, k, 1, b, all, n, false)
					for _, threads := range []int{1, 3} {
						on = Workers(threads)
						for i := range m {
							y, z := draw(3, n), draw(4, n)
							on.MulEach(1, x[i*k:][:k], Right{b, y}, Right{b, z})
							what := fmt.Sprintf("%s %dx%d, row %d, %d threads", kind, k, n, i, threads)
							sameBits(t, what, y, all[i*n:][:n])
							sameBits(t, what, z, all[i*n:][:n])
						}
					}
					y := make([]float32, m*n)
					on.MulEach(m, x, Right{b, y})
					sameBits(t, "MulEach of many rows", y, all)
				}
			}
		}
	})
}

// BenchmarkRow reads weights that no cache holds, as a decoded token does.
func BenchmarkRow(b *testing.B) {
	const k, n, layers = 576, 1536, 60
	w, x, y := draw(1, n*k), draw(2, k), make([]float32, n)
	for _, kind := range []Kind{F32, BF16, F16, Q8, NF4} {
		var ps []*Packed
		bytes := 0
		for range layers {
			ps = append(ps, on.Pack(w, n, k, kind))
			bytes += ps[0].Bytes()
		}
		b.Run(kind.String(), func(b *testing.B) {
			best := time.Duration(1 << 62)
			for b.Loop() {
				start := time.Now()
				for _, p := range ps {
					on.Mul(1, x, k, 1, p, y, n, false)
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(bytes)/float64(best.Nanoseconds()), "best-GB/s")
			b.ReportMetric(float64(layers*n*k)/float64(best.Nanoseconds()), "best-Gweights/s")
		})
	}
}

func TestRoomsAreZeroAndApart(t *testing.T) {
	var all [][]float32
	for _, n := range []int{1, leastRoom/4 - 1, leastRoom / 4, leastRoom/4 + 3, chunkBytes / 16, chunkBytes/8 + 1, chunkBytes/4 + 7} {
		for range 5 {
			r := room[float32](n)
			if len(r) != n || cap(r) != n {
				t.Fatalf("room of %d has %d, room for %d", n, len(r), cap(r))
			}
			for i, v := range r {
				if v != 0 {
					t.Fatalf("room of %d holds %g at %d", n, v, i)
				}
			}
			for i := range r {
				r[i] = float32(len(all) + 1)
			}
			all = append(all, r)
		}
	}
	for i, r := range all {
		if r[0] != float32(i+1) || r[len(r)-1] != float32(i+1) {
			t.Fatalf("room %d was overwritten", i)
		}
	}
}
