package kernels

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestEachDoesEveryIndexOnce(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	for _, threads := range []int{1, 2, 5} {
		on = Workers(threads)
		for n := range 40 {
			seen := make([]atomic.Int32, n)
			on.Each(n, func(i int) { seen[i].Add(1) })
			for i := range seen {
				if got := seen[i].Load(); got != 1 {
					t.Fatalf("%d threads: %d of %d is done %d times", threads, i, n, got)
				}
			}
		}
	}
}

// Calls inside a call and beside it are done as well.
func TestWorkersWithinAndBesideWorkers(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	on = Workers(3)
	var sum atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				on.Each(7, func(int) { on.Each(5, func(i int) { sum.Add(int64(i)) }) })
			}
		})
	}
	wg.Wait()
	if got := sum.Load(); got != 4*50*7*10 {
		t.Errorf("the sum is %d, want %d", got, 4*50*7*10)
	}
}

// A panic in the caller's share reaches the caller, and the pool goes on.
func TestThePoolOutlivesAPanic(t *testing.T) {
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		c := &crew{f: func() {}} // nobody may join
		pool.call.Store(c)
		defer c.close()
		panic("mine")
	}()
	if pool.call.Load() != nil {
		t.Error("the pool is still taken")
	}
}
