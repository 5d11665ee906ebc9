package kernels

import (
	"runtime"
	"sync/atomic"
	"time"
)

// threads is the number of workers of every kernel; no result depends on it.
var threads atomic.Int64

func init() { threads.Store(int64(runtime.GOMAXPROCS(0))) }

// SetThreads sets the number of workers (at least 1).
func SetThreads(n int) { threads.Store(int64(max(1, n))) }

// Threads returns the number of workers.
func Threads() int { return int(threads.Load()) }

// pause is for loops that wait for another worker, which is soon over as a rule. If it is not, the
// system may have taken the processor from that worker, and sleeping gives it back.
func pause(spins int) {
	switch {
	case spins < 100:
	case spins < 4000:
		runtime.Gosched()
	default:
		time.Sleep(20 * time.Microsecond)
	}
}

// Each calls f for every index in [0, n), on as many workers as there are threads.
// Which worker takes which index is left open, so f must write only what belongs to its index.
func Each(n int, f func(i int)) {
	t := min(Threads(), n)
	if t <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	workers(t, func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			f(i)
		}
	})
}

// Rows cuts [0, n) into spans of grain rows, the last maybe shorter, and calls f for each.
// The cut does not depend on the number of threads.
func Rows(n, grain int, f func(lo, hi int)) {
	spans := (n + grain - 1) / grain
	Each(spans, func(i int) { f(i*grain, min(n, i*grain+grain)) })
}

// grainFor gives spans of about 16,384 elements, so that small arrays stay on one worker.
func grainFor(width int) int { return max(1, 1<<14/max(1, width)) }
