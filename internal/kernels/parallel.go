package kernels

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Workers is the number of goroutines that a kernel may compute with, at least 1. No result depends on it. The
// processors themselves are the process's, so that all Workers share one set of helpers.
type Workers int

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

// Each calls f for every index in [0, n), on all workers.
// Which worker takes which index is left open, so f must write only what belongs to its index.
func (on Workers) Each(n int, f func(i int)) {
	t := min(int(on), n)
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
func (on Workers) Rows(n, grain int, f func(lo, hi int)) {
	spans := (n + grain - 1) / grain
	on.Each(spans, func(i int) { f(i*grain, min(n, i*grain+grain)) })
}

// grainFor gives spans of about 16,384 elements, so that small arrays stay on one worker.
func grainFor(width int) int { return max(1, 1<<14/max(1, width)) }
