package kernels

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The pool's helpers live for ever. After a call a helper looks out for the next one for a while, so that
// the calls of a training step, microseconds apart, need not wake anybody; then it sleeps. A call never
// waits for a helper to begin: whoever is there takes tasks, and the caller takes what is left.

// crew is one call of workers.
type crew struct {
	f     func()
	limit int32 // helpers at most
	in    atomic.Int32
	out   atomic.Int32
}

const closed = 1 << 30 // in place of a count: no more helpers

// join runs f unless the call is over or has helpers enough.
func (c *crew) join() {
	for {
		n := c.in.Load()
		if n >= c.limit {
			return
		}
		if c.in.CompareAndSwap(n, n+1) {
			break
		}
	}
	defer c.out.Add(1)
	c.f()
}

var pool struct {
	sync.Mutex
	helpers  atomic.Int32
	sleeping atomic.Int32
	call     atomic.Pointer[crew]
	wake     chan struct{}
}

func init() { pool.wake = make(chan struct{}, 1<<10) }

// lookout is how long a helper looks for a next call before it sleeps.
const lookout = 1000 * time.Microsecond

// workers runs f on the calling goroutine and on n-1 others at most, and returns when all have returned.
// f does what it finds to do, so that it does not matter who comes, and when.
func workers(n int, f func()) {
	if n <= 1 {
		f()
		return
	}
	c := &crew{f: f, limit: int32(n - 1)}
	if !pool.call.CompareAndSwap(nil, c) {
		spawn(n, f) // another call has the pool
		return
	}
	if pool.helpers.Load() < c.limit {
		hire(c.limit)
	}
	for i := min(c.limit, pool.sleeping.Load()); i > 0; i-- {
		select {
		case pool.wake <- struct{}{}:
		default:
		}
	}
	defer c.close() // also where f panics
	f()
}

// close frees the pool for the next call and waits for those who joined this one.
func (c *crew) close() {
	pool.call.Store(nil)
	joined := c.in.Swap(closed)
	for spins := 0; c.out.Load() < joined; spins++ {
		pause(spins)
	}
}

func spawn(n int, f func()) {
	var wg sync.WaitGroup
	for range n - 1 {
		wg.Go(f)
	}
	f()
	wg.Wait()
}

// hire makes the helpers n.
func hire(n int32) {
	pool.Lock()
	defer pool.Unlock()
	for pool.helpers.Load() < n {
		pool.helpers.Add(1)
		go help()
	}
}

func help() {
	var last *crew
	for since := time.Now(); ; {
		for range 32 {
			if c := pool.call.Load(); c != nil && c != last {
				c.join()
				last, since = c, time.Now()
			}
		}
		runtime.Gosched()
		if time.Since(since) < lookout {
			continue
		}
		last = nil // holds no memory while it sleeps
		pool.sleeping.Add(1)
		if pool.call.Load() == nil {
			<-pool.wake
		}
		pool.sleeping.Add(-1)
		since = time.Now()
	}
}
