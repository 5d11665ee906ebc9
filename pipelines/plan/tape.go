package plan

import (
	"maps"
	"slices"

	"moslava/internal/autograd"
)

// tape goes through a step as internal/autograd does, with sizes in place of numbers: ops.go has its operations. It takes
// buffers from a pool of the same rules, and counts what products compute and what passes through memory.
type tape struct {
	pool   *pool
	work   *Work
	forget bool // nothing is recorded: the first pass of a checkpoint
	again  bool // the second
	recs   []record
	loose  []*value // results that are not recorded
}

// Work is what a step computes, in floating-point operations, a multiply-add being two.
type Work struct {
	Products  float64 // of weights
	Skinny    float64 // of adapters: products in which a side is the rank
	Attention float64
	Bytes     float64 // read and written by everything else
}

// Total is all operations of products.
func (w Work) Total() float64 { return w.Products + w.Skinny + w.Attention }

func (w *Work) add(o Work) {
	w.Products += o.Products
	w.Skinny += o.Skinny
	w.Attention += o.Attention
	w.Bytes += o.Bytes
}

// buf is a result or a gradient: how many elements it has and, while it is the pool's, how many the pool took for it.
type buf struct{ n, taken int }

// value stands for an autograd.Var.
type value struct {
	rows, cols int
	data       *buf // nil once another operation or the pool has it
	grad       *buf
	track      bool
	again      bool // data are read by the operation that made it in the backward pass
}

func (v *value) size() int { return v.rows * v.cols }

// wanted says that whoever takes v's memory leaves it or gives it back.
func (v *value) wanted() bool { return v.track && v.again }

type record struct {
	out      *value
	backward func(g *buf)
	keeps    []*buf // of the operation itself
}

// pool mirrors autograd's: buffers in classes, of which one of up to twice the size serves, too.
type pool struct {
	free  map[int]int
	use   autograd.Usage
	bound autograd.Bound
	// Collected as the garbage collector does: what was dropped counts until the heap has grown by share.
	heap heap
}

func newPool(h heap) *pool { return &pool{free: map[int]int{}, heap: h} }

func (p *pool) take(n int) *buf {
	c := autograd.BufferSize(n)
	for fit := c; fit <= 2*c; fit = autograd.BufferSize(fit + 1) {
		if p.free[fit] > 0 {
			p.free[fit]--
			p.use.Free -= fit
			p.took(fit)
			return &buf{n, fit}
		}
	}
	if over := p.bound.Excess(p.use, c); over > 0 {
		p.trim(over)
	}
	p.heap.allocate(4 * c)
	p.took(c)
	return &buf{n, c}
}

func (p *pool) trim(n int) {
	for _, c := range slices.Backward(slices.Sorted(maps.Keys(p.free))) {
		for p.free[c] > 0 && n > 0 {
			p.free[c]--
			p.use.Free -= c
			p.heap.drop(4 * c)
			n -= c
			if p.bound.Dropped(c) {
				p.heap.collect()
			}
		}
	}
}

func (p *pool) took(n int) {
	p.use.Out += n
	p.use.Peak = max(p.use.Peak, p.use.Out)
}

func (p *pool) put(b *buf) {
	if b == nil || b.taken == 0 {
		return
	}
	p.free[b.taken]++
	p.use.Out -= b.taken
	p.use.Free += b.taken
	b.taken = 0
}

// drop leaves a buffer to the garbage collector.
func (p *pool) drop(b *buf) {
	if b != nil && b.taken != 0 {
		p.heap.drop(4 * b.taken)
		b.taken = 0
	}
}

// heap follows the garbage collector: it runs when the heap has grown by share over what the last run left.
type heap struct {
	live, garbage int // bytes
	share         float64
	trigger, peak int
}

func newHeap(live int, share float64) heap {
	h := heap{live: live, share: share}
	h.collect()
	h.peak = live
	return h
}

func (h *heap) collect() {
	h.garbage = 0
	h.trigger = h.live + int(float64(h.live)*h.share)
}

func (h *heap) allocate(n int) {
	if h.live+h.garbage+n > h.trigger {
		h.collect()
	}
	h.live += n
	h.peak = max(h.peak, h.live+h.garbage)
}

func (h *heap) drop(n int) {
	h.live -= n
	h.garbage += n
}

// apply records an operation on operands, of which one has to be tracked, or lets go of what it would have kept.
func (t *tape) apply(out *value, backward func(g *buf), operands []*value, keeps ...*buf) *value {
	tracked := false
	for _, o := range operands {
		tracked = tracked || o != nil && o.track
	}
	if out.track = tracked && !t.forget; out.track {
		t.recs = append(t.recs, record{out, backward, keeps})
		return out
	}
	for _, b := range keeps {
		t.pool.put(b)
	}
	t.loose = append(t.loose, out)
	return out
}

// settle leaves to the garbage collector what has come since from (of loose) and nothing has recorded, but keep.
func (t *tape) settle(from int, keep *value) {
	left := t.loose[:from:from]
	for _, v := range t.loose[from:] {
		if v.data == keep.data {
			left = append(left, v)
		} else {
			t.pool.drop(v.data)
		}
	}
	t.loose = left
}

func (t *tape) result(rows, cols int) *value {
	return &value{rows: rows, cols: cols, data: t.pool.take(rows * cols)}
}

// moved is a result that takes x's memory.
func (t *tape) moved(x *value) *value {
	y := &value{rows: x.rows, cols: x.cols, data: x.data}
	x.data = nil
	return y
}

func (t *tape) accumulate(v *value, g *buf) {
	if v.grad == nil {
		v.grad = g
		return
	}
	t.touch(3 * g.n)
	t.pool.put(g)
}

// into is the gradient of a leaf, to which operations add.
func (t *tape) into(v *value) {
	if v.grad == nil {
		v.grad = t.pool.take(v.size())
	}
}

func (t *tape) backward(root *value, g *buf) {
	t.accumulate(root, g)
	for i := len(t.recs) - 1; i >= 0; i-- {
		r := t.recs[i]
		if g := r.out.grad; g != nil {
			r.out.grad = nil
			r.backward(g)
		}
		t.pool.put(r.out.data)
		r.out.data = nil
		for _, b := range r.keeps {
			t.pool.put(b)
		}
	}
	t.recs = nil
}

// touch counts n elements read or written.
func (t *tape) touch(n int) { t.work.Bytes += 4 * float64(n) }

func (t *tape) multiply(m, k, n int) { t.work.Products += 2 * float64(m) * float64(k) * float64(n) }

func (t *tape) skinny(m, k, n int) { t.work.Skinny += 2 * float64(m) * float64(k) * float64(n) }
