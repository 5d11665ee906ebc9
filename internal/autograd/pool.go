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
}

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
			b.free[fit] = l[:len(l)-1]
			return s[:n]
		}
	}
	return make([]float32, n, c)
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
	b.mu.Unlock()
}

// ReleaseMemory drops the pooled buffers: between stages, whose shapes differ.
func ReleaseMemory() {
	pool.mu.Lock()
	pool.free = nil
	pool.mu.Unlock()
}
