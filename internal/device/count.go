package device

import "moslava/internal/kernels"

// Count is a device that computes nothing. It follows what a computation on CPU would take: buffers from a pool of the same rules, and
// the operations and bytes of every kernel.
type Count struct {
	pool[struct{}]
	Work Work
}

var _ Device = (*Count)(nil)

// Work is what is computed, in floating-point operations, a multiply-add being two.
type Work struct {
	Products  float64 // of weights
	Skinny    float64 // of adapters: products in which a side is no more than skinnySide
	Attention float64
	Bytes     float64 // read and written by everything else
}

// Total is all operations of products.
func (w Work) Total() float64 { return w.Products + w.Skinny + w.Attention }

// Add adds other work.
func (w *Work) Add(o Work) {
	w.Products += o.Products
	w.Skinny += o.Skinny
	w.Attention += o.Attention
	w.Bytes += o.Bytes
}

// Heap is told what a pool does with memory, in bytes.
type Heap interface {
	Allocate(n int)
	Drop(n int) // left to the garbage collector
	Collect()
}

// NewCount counts from nothing, with a heap that nobody watches.
func NewCount() *Count {
	c := new(Count)
	c.Begin(noHeap{})
	return c
}

type noHeap struct{}

func (noHeap) Allocate(int) {}
func (noHeap) Drop(int)     {}
func (noHeap) Collect()     {}

// Begin counts from nothing again and tells a heap.
func (c *Count) Begin(h Heap) {
	c.pool, c.Work = pool[struct{}]{}, Work{}
	c.allocate = func(n int) (none struct{}) { h.Allocate(4 * n); return none }
	c.drop, c.collect = func(n int) { h.Drop(4 * n) }, h.Collect
}

// HasElements says no.
func (c *Count) HasElements() bool { return false }

// Get takes a buffer without memory from the pool.
func (c *Count) Get(n int) Buffer {
	_, size := c.get(n)
	return Buffer{n: n, taken: size}
}

// Put gives a buffer back to the pool, if it came from there.
func (c *Count) Put(b Buffer) {
	if b.taken > 0 {
		c.put(struct{}{}, b.taken)
	}
}

// New has a size alone.
func (c *Count) New(n int) Buffer { return Sized(n) }

// touch counts n elements read or written.
func (c *Count) touch(n int) { c.Work.Bytes += 4 * float64(n) }

// How many elements of memory an element of a result costs, with the functions of exponentials in place of memory.
const (
	ofActivation     = 8
	ofActivationGrad = 10
	ofSwiGLUGrad     = 12
)

func (c *Count) Fill(b Buffer, _ float32)                                         { c.touch(b.n) }
func (c *Count) Item(Buffer) float32                                              { return 1 }
func (c *Count) NotFinite(Buffer) int                                             { return -1 }
func (c *Count) Copy(dst, _ Buffer)                                               { c.touch(2 * dst.n) }
func (c *Count) Add(dst, _ Buffer)                                                { c.touch(3 * dst.n) }
func (c *Count) AddTo(dst, _, _ Buffer)                                           { c.touch(4 * dst.n) }
func (c *Count) ScaleTo(dst, _ Buffer, _ float32)                                 { c.touch(2 * dst.n) }
func (c *Count) MulColumns(y, _, _ Buffer, _, _ int)                              { c.touch(2 * y.n) }
func (c *Count) MulColumnsGrad(_, dy, _ Buffer, _, _ int)                         { c.touch(2 * dy.n) }
func (c *Count) AddBias(y, _ Buffer, _, _ int)                                    { c.touch(2 * y.n) }
func (c *Count) SumRows(_, x Buffer, _, _ int)                                    { c.touch(x.n) }
func (c *Count) Drop(_ Mask, dst, _ Buffer)                                       { c.touch(2 * dst.n) }
func (c *Count) Activate(_ kernels.Act, y, _ Buffer)                              { c.touch(ofActivation * y.n) }
func (c *Count) ActivateGrad(_ kernels.Act, _, dy, _ Buffer)                      { c.touch(ofActivationGrad * dy.n) }
func (c *Count) SwiGLU(y, _, _ Buffer)                                            { c.touch(ofActivation * y.n) }
func (c *Count) SwiGLUGrad(_, _, dy, _, _ Buffer)                                 { c.touch(ofSwiGLUGrad * dy.n) }
func (c *Count) RMSNorm(y, _, _, _ Buffer, _, _ int, _ float64)                   { c.touch(3 * y.n) }
func (c *Count) RMSNormGrad(_, _, dy, _, _, _ Buffer, _, _ int)                   { c.touch(5 * dy.n) }
func (c *Count) LayerNorm(y, _, _, _, _, _ Buffer, _, _ int, _ float64)           { c.touch(3 * y.n) }
func (c *Count) LayerNormGrad(_, _, _, dy, _, _, _, _ Buffer, _, _ int)           { c.touch(5 * dy.n) }
func (c *Count) Rope(x Buffer, _ []int32, _ int, _ *kernels.RopeTable, _ float32) { c.touch(2 * x.n) }

// pairs are the products of a query and a key it sees, of width H*D.
func pairs(a kernels.Attention, spans []kernels.Span) (flops float64) {
	for _, s := range spans {
		q, k := float64(s.QN), float64(s.KN)
		n := q * k
		if a.Causal {
			n -= q * q / 2
		}
		flops += 2 * n * float64(a.H*a.D)
	}
	return flops
}

func (c *Count) Attention(a kernels.Attention, _, _, q, k, v Buffer, spans []kernels.Span) {
	c.Work.Attention += 2 * pairs(a, spans)
	c.touch(2 * (q.n + k.n + v.n))
}

func (c *Count) AttentionGrad(a kernels.Attention, _, dk, _, _, _, _, _, _, _ Buffer, spans []kernels.Span) {
	c.Work.Attention += 5 * pairs(a, spans)
	if a.KV != a.H {
		c.touch(6 * dk.n / a.KV * a.H) // gradients of keys and values, apart for each query head
	}
}

// NewKV describes what CPU would make.
func (c *Count) NewKV(_ Buffer, heads, d, capacity int) kernels.KV {
	return kernels.KV{Heads: heads, D: d, Capacity: capacity}
}

// CopyKV reads and writes what CPU would.
func (c *Count) CopyKV(dst, _ []kernels.KV, n int) {
	for _, kv := range dst {
		c.touch(4 * n * kv.Heads * kv.D)
	}
}

func (c *Count) PutKV(_ []kernels.KVSpan, k, v Buffer) { c.touch(2 * (k.n + v.n)) }

func (c *Count) AttentionKV(a kernels.Attention, _, q Buffer, spans []kernels.KVSpan) {
	held := make([]kernels.Span, len(spans))
	for i, s := range spans {
		held[i] = kernels.Span{QN: s.QN, KN: s.Len}
		c.touch(2 * s.Len * a.KV * a.D)
	}
	c.Work.Attention += 2 * pairs(a, held)
	c.touch(2 * q.n)
}

// skinnySide is the longest side that makes a product one of adapters.
const skinnySide = 128

func (c *Count) multiply(m, k int, b Matrix) {
	flops := 2 * float64(m) * float64(k) * float64(b.N)
	if b.packed == nil && min(m, k, b.N) <= skinnySide {
		c.Work.Skinny += flops
	} else {
		c.Work.Products += flops
	}
}

func (c *Count) Mul(m int, _ Buffer, _, _ int, b Matrix, _ Buffer, _ int, _ bool) {
	c.multiply(m, b.K, b)
}

func (c *Count) MulRow(_ Buffer, products ...Product) {
	for _, p := range products {
		c.multiply(1, p.B.K, p.B)
	}
}

// PackWeight describes what CPU would make.
func (c *Count) PackWeight(_ Buffer, n, k int, kind kernels.Kind) *kernels.Packed {
	return kernels.Outline(n, k, kind)
}

// Unpack has the size alone.
func (c *Count) Unpack(p *kernels.Packed) Buffer { return Sized(p.N * p.K) }

func (c *Count) Pack(room Buffer, m int, _ Buffer, k int) Left {
	c.touch(2 * room.n)
	return Left{M: m, K: k}
}

func (c *Count) Sums(sums ...Sum) {
	for _, s := range sums {
		for _, t := range s.Terms {
			c.multiply(t.A.M, t.A.K, t.B)
		}
	}
}

func (c *Count) Gather(dst, _ Buffer, _ []int32, _ int)                      { c.touch(2 * dst.n) }
func (c *Count) Scatter(_, src Buffer, _ []int32, _ int)                     { c.touch(2 * src.n) }
func (c *Count) ScatterAdd(_, src Buffer, _ []int32, _ int)                  { c.touch(3 * src.n) }
func (c *Count) ClearRows(_ Buffer, at []int32, d int)                       { c.touch(len(at) * d) }
func (c *Count) GatherPacked(dst Buffer, _ *kernels.Packed, _ []int32)       { c.touch(2 * dst.n) }
func (c *Count) CopyColumns(_ Buffer, _, _ int, _ Buffer, _, _, n, rows int) { c.touch(2 * n * rows) }
func (c *Count) AddColumns(_ Buffer, _, _ int, _ Buffer, _, _, n, rows int)  { c.touch(3 * n * rows) }
func (c *Count) Unfold(dst Buffer, _ [][]float32, _, _, _ int)               { c.touch(2 * dst.n) }
func (c *Count) GatherTurned(dst, _ Buffer, _ []int32, _, _ int)             { c.touch(2 * dst.n) }
func (c *Count) AddTurned(_, src Buffer, _ []int32, _, _ int)                { c.touch(3 * src.n) }
func (c *Count) Transpose(dst, _ Buffer, _, _ int)                           { c.touch(2 * dst.n) }
func (c *Count) SetColumns(_, cols Buffer, _ []int32, _ int)                 { c.touch(2 * cols.n) }
func (c *Count) CutColumns(cols, _ Buffer, _ []int32, _ int)                 { c.touch(3 * cols.n) }
func (c *Count) CrossEntropy(logits Buffer, _ []int32, _ int) float64 {
	c.touch(10 * logits.n)
	return 0
}
func (c *Count) Squares(w Matrix) []float64                 { return make([]float64, w.N) }
func (c *Count) Gains(_ Buffer, norms []float32) Buffer     { return Sized(len(norms)) }
func (c *Count) AddQuotients(dst, _, _ Buffer, _ []float32) { c.touch(3 * dst.n) }
func (c *Count) Repeat(dst, _ Buffer, _ []int)              { c.touch(dst.n) }
func (c *Count) AddBlocks(_, runs Buffer, _ []int)          { c.touch(runs.n) }

// Norms takes what CPU takes for them.
func (c *Count) Norms(w Matrix, low LowRank, _ []float64) []float32 {
	r := low.R
	var bufs []Buffer
	if !low.M.None() {
		bufs = append(bufs, c.Get(r*w.K))
		c.multiply(r, r, KN(low.A, r, w.K, w.K))
	}
	bufs = append(bufs, c.Get(r*w.N), c.Get(r*r), c.Get(w.N*r))
	c.multiply(r, w.K, w)
	c.multiply(r, w.K, NK(low.A, r, w.K, w.K))
	c.multiply(w.N, r, NK(low.A, r, r, r))
	for _, b := range bufs {
		c.Put(b)
	}
	return make([]float32, w.N)
}
