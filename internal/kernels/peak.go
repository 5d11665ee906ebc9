package kernels

import (
	"runtime"
	"sync"
	"time"
)

// PeakFMA runs a loop of fused multiply-adds that touches registers alone, of the instruction set in use
// (ISA), on the given number of threads for about d, and returns how many 1e9 operations a second they
// did together, a multiply-add being two. It is what a matrix product could reach at best.
func PeakFMA(threads int, d time.Duration) (gflops float64) {
	var wg sync.WaitGroup
	rates := make([]float64, max(1, threads))
	for i := range rates {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			const steps = 1 << 14
			var done, flops int
			start := time.Now()
			for since := time.Duration(0); since < d || done == 0; since = time.Since(start) {
				flops = peak(steps)
				done += steps
			}
			rates[i] = float64(done) * float64(flops) / float64(time.Since(start).Nanoseconds())
		})
	}
	wg.Wait()
	for _, r := range rates {
		gflops += r
	}
	return gflops
}

// peakGo is the loop in plain Go, without vectors.
func peakGo(n int) int {
	var a, b, c, d, e, f, g, h float32
	const k = 0.5
	for range n {
		a, b, c, d = float32(a*k)+k, float32(b*k)+k, float32(c*k)+k, float32(d*k)+k
		e, f, g, h = float32(e*k)+k, float32(f*k)+k, float32(g*k)+k, float32(h*k)+k
	}
	runtime.KeepAlive(a + b + c + d + e + f + g + h)
	return 16
}
