package device

import (
	"maps"
	"math/bits"
	"slices"
	"sync"
)

// pool keeps buffers that were given back, in classes a quarter of a power of two apart, so that a training step after the first
// allocates next to nothing. A buffer of up to twice the size serves, too: batches differ in length, and each length must not keep
// memory of its own. M is a buffer's memory.
type pool[M any] struct {
	mu    sync.Mutex
	free  map[int][]M
	use   Usage
	bound Bound

	allocate func(n int) M
	drop     func(n int) // n elements are let go
	collect  func()      // it is time to collect them
}

// BufferSize is how many elements a device takes for n.
func BufferSize(n int) int { return class(n) }

// class rounds n up to a size whose three leading bits may be set.
func class(n int) int {
	if n <= 64 {
		return 64
	}
	shift := max(0, bits.Len(uint(n-1))-3)
	return (n + 1<<shift - 1) >> shift << shift
}

// Bound says how much a pool may have in all: what has been out at once, and an eighth more or leastSlack, so that batches of one shape
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

// leastSlack is 32 MiB. Passes of inference are small and of many lengths, and a collection goes through the whole heap, a
// vocabulary's maps too: it must be worth its time.
const leastSlack = 8 << 20

func (b *Bound) slack() int { return max((b.most-b.base)/8, leastSlack) }

// Excess is how much has to be let go before n more are allocated.
func (b *Bound) Excess(u Usage, n int) int {
	b.most = max(b.most, u.Out+n)
	return u.Out + u.Free + n - (b.most + b.slack())
}

// get is memory for n elements, and how many it has.
func (p *pool[M]) get(n int) (mem M, size int) {
	c := class(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	for fit := c; fit <= 2*c; fit = class(fit + 1) {
		if l := p.free[fit]; len(l) > 0 {
			mem, p.free[fit] = cutLast(l)
			p.use.Free -= fit
			p.use.took(fit)
			return mem, fit
		}
	}
	if over := p.bound.Excess(p.use, c); over > 0 {
		p.trim(over)
	}
	mem = p.allocate(c)
	p.use.took(c)
	return mem, c
}

// cutLast takes the last element off, and the list must not hold on to it when everybody else has let go.
func cutLast[M any](l []M) (M, []M) {
	var none M
	last := len(l) - 1
	mem := l[last]
	l[last] = none
	return mem, l[:last]
}

// trim lets go of the largest free buffers, of n elements in all or a little more.
func (p *pool[M]) trim(n int) {
	for _, c := range slices.Backward(slices.Sorted(maps.Keys(p.free))) {
		for len(p.free[c]) > 0 && n > 0 {
			_, p.free[c] = cutLast(p.free[c])
			p.use.Free -= c
			n -= c
			p.drop(c)
			if p.bound.Dropped(c) {
				p.collect()
			}
		}
	}
}

func (u *Usage) took(n int) {
	u.Out += n
	u.Peak = max(u.Peak, u.Out)
}

// put gives memory of a class back.
func (p *pool[M]) put(mem M, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == nil {
		p.free = map[int][]M{}
	}
	p.free[size] = append(p.free[size], mem)
	p.use.Out -= size
	p.use.Free += size
}

// Usage is the state of the pool.
func (p *pool[M]) Usage() Usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.use
}

// ResetPeak begins a new measurement of Usage.Peak.
func (p *pool[M]) ResetPeak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.use.Peak = p.use.Out
}

// Release drops the buffers that were given back: between stages, whose shapes differ.
func (p *pool[M]) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free, p.use.Free = nil, 0
	p.bound.Reset(p.use.Out)
}
