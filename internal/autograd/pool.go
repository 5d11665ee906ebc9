package autograd

import (
	"math/bits"
	"sync"
)

// pool keeps buffers that the tape has taken back, in classes a quarter of a power of two apart,
// so that a training step after the first allocates next to nothing. A buffer of up to twice the size
// serves, too: batches differ in length, and each length must not keep memory of its own.
var pool buffers

type buffers struct {
	mu   sync.Mutex
	free map[int][][]float32
	use  Usage
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
	b.use.took(c)
	return make([]float32, n, c)
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
	pool.mu.Unlock()
}
