package kernels

import (
	"testing"
	"time"
)

func TestPeakFMA(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for n := 1; n <= 2; n++ {
			if g := PeakFMA(n, 2*time.Millisecond); !(g > 0) {
				t.Errorf("%d threads of %s do %g GF/s", n, ISA(), g)
			}
		}
	})
}

func BenchmarkPeakFMA(b *testing.B) {
	for n := 1; n <= 2; n++ {
		b.Run(ISA(), func(b *testing.B) {
			var best float64
			for b.Loop() {
				best = max(best, PeakFMA(n, 100*time.Millisecond))
			}
			b.ReportMetric(best, "GF/s")
		})
	}
}
