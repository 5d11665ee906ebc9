package autograd

import (
	"maps"
	"math/bits"
	"runtime"
	"slices"
	"sync"

	"moslava/internal/machine"
)

// pool keeps buffers that the tape has taken back, in classes a quarter of a power of two apart,
// so that a training step after the first allocates next to nothing. A buffer of up to twice the size
// serves, too: batches differ in length, and each length must not keep memory of its own.
var pool buffers

type buffers struct {
	mu    sync.Mutex
	free  map[int][][]float32
	use   Usage
	bound Bound
}

// Usage counts the elements of the pool's buffers, as they are rounded up.
type Usage struct {
	Out  int // handed out and not taken back: in use, or left to the garbage collector
	Free int // kept for the next
	Peak int // the most that was out since ResetPeak
}

// PoolUsage is the state of the pool from which results, gradients and what operations keep come.
func PoolUsage() Usage {
	pool.mu.Lock()
	defer pool.mu.Unlock()
	return pool.use
}

// ResetPeak begins a new measurement of Usage.Peak.
func ResetPeak() {
	pool.mu.Lock()
	pool.use.Peak = pool.use.Out
	pool.mu.Unlock()
}

// BufferSize is how many elements the pool takes for n.
func BufferSize(n int) int { return class(n) }

// class rounds n up to a size whose three leading bits may be set.
func class(n int) int {
	if n <= 64 {
		return 64
	}
	shift := max(0, bits.Len(uint(n-1))-3)
	return (n + 1<<shift - 1) >> shift << shift
}

// Bound says how much a pool may have in all: what has been out at once, and an eighth more, so that batches of one shape
// find everything and batches of many shapes do not each leave the largest of every class behind.
type Bound struct{ base, most, dropped int }

// Reset begins again with what is out now, which may never come back.
func (b *Bound) Reset(out int) { *b = Bound{base: out, most: out} }

// Dropped notes that n were let go and says whether it is time to collect them: the collector by itself waits until the heap has
// grown by a part of all there is, weights too.
func (b *Bound) Dropped(n int) bool {
	if b.dropped += n; b.dropped <= b.slack() {
		return false
	}
	b.dropped = 0
	return true
}

func (b *Bound) slack() int { return (b.most - b.base) / 8 }

// Excess is how much has to be let go before n more are allocated.
func (b *Bound) Excess(u Usage, n int) int {
	b.most = max(b.most, u.Out+n)
	return u.Out + u.Free + n - (b.most + b.slack())
}

func (b *buffers) get(n int) []float32 {
	c := class(n)
	b.mu.Lock()
	defer b.mu.Unlock()
	for fit := c; fit <= 2*c; fit = class(fit + 1) {
		if l := b.free[fit]; len(l) > 0 {
			s := l[len(l)-1]
			l[len(l)-1] = nil // or the list would hold on to it when everybody else has let go
			b.free[fit] = l[:len(l)-1]
			b.use.Free -= fit
			b.use.took(fit)
			return s[:n]
		}
	}
	if over := b.bound.Excess(b.use, c); over > 0 {
		b.trim(over)
	}
	if err := machine.Take(4 * c); err != nil {
		panic(&Error{"buffer", err})
	}
	b.use.took(c)
	return make([]float32, n, c)
}

// trim lets go of the largest free buffers, of n elements in all or a little more.
func (b *buffers) trim(n int) {
	for _, c := range slices.Backward(slices.Sorted(maps.Keys(b.free))) {
		for l := b.free[c]; len(l) > 0 && n > 0; l = b.free[c] {
			l[len(l)-1] = nil
			b.free[c] = l[:len(l)-1]
			b.use.Free -= c
			n -= c
			if b.bound.Dropped(c) {
				runtime.GC()
			}
		}
	}
}

func (u *Usage) took(n int) {
	u.Out += n
	u.Peak = max(u.Peak, u.Out)
}

func (b *buffers) put(s []float32) {
	c := cap(s)
	if c != class(c) || c == 0 {
		return // not one of ours
	}
	b.mu.Lock()
	if b.free == nil {
		b.free = map[int][][]float32{}
	}
	b.free[c] = append(b.free[c], s)
	b.use.Out -= c
	b.use.Free += c
	b.mu.Unlock()
}

// ReleaseMemory drops the pooled buffers: between stages, whose shapes differ.
func ReleaseMemory() {
	pool.mu.Lock()
	pool.free, pool.use.Free = nil, 0
	pool.bound.Reset(pool.use.Out)
	pool.mu.Unlock()
}
