package device

import (
	"math"
	"runtime"

	"moslava/internal/kernels"
	"moslava/internal/machine"
)

// CPU computes with internal/kernels, in memory of a pool of its own.
type CPU struct {
	pool[[]float32]
	workers kernels.Workers
}

var _ Device = (*CPU)(nil)

// Host is the processor that the program runs on. Arrays that are not made for another device are its.
var Host = NewCPU()

// NewCPU has an empty pool and as many threads as the program may use processors.
func NewCPU() *CPU {
	return &CPU{
		pool:    pool[[]float32]{allocate: allocate, drop: func(int) {}, collect: runtime.GC},
		workers: kernels.Workers(runtime.GOMAXPROCS(0)),
	}
}

// SetThreads sets on how many threads the device computes, at least 1, while it computes nothing. No result depends on it.
func (c *CPU) SetThreads(n int) { c.workers = kernels.Workers(max(1, n)) }

// Threads is on how many threads the device computes.
func (c *CPU) Threads() int { return int(c.workers) }

// Workers are the device's threads, for kernels over host arrays.
func (c *CPU) Workers() kernels.Workers { return c.workers }

// allocate panics with machine's error where a limit of the process forbids it, which autograd.Catch turns into an error.
func allocate(n int) []float32 {
	if err := machine.Take(4 * n); err != nil {
		panic(err)
	}
	return make([]float32, n)
}

// HasElements says yes.
func (c *CPU) HasElements() bool { return true }

// Get takes a buffer from the pool.
func (c *CPU) Get(n int) Buffer {
	mem, size := c.get(n)
	return Buffer{n: n, taken: size, host: mem[:n]}
}

// Put gives a buffer back to the pool, if it came from there.
func (c *CPU) Put(b Buffer) {
	if b.taken > 0 {
		c.put(b.host[:b.taken], b.taken)
	}
}

// New is a host array.
func (c *CPU) New(n int) Buffer { return Wrap(make([]float32, n)) }

// Fill sets every element.
func (c *CPU) Fill(b Buffer, v float32) {
	if v == 0 {
		clear(b.host)
		return
	}
	for i := range b.host {
		b.host[i] = v
	}
}

// Item is the first element.
func (c *CPU) Item(b Buffer) float32 { return b.host[0] }

// NotFinite finds the first NaN or infinity.
func (c *CPU) NotFinite(b Buffer) int {
	for i, x := range b.host {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return i
		}
	}
	return -1
}

func (c *CPU) Copy(dst, x Buffer)               { c.workers.Copy(dst.host, x.host) }
func (c *CPU) Add(dst, x Buffer)                { c.workers.Add(dst.host, x.host) }
func (c *CPU) AddTo(dst, x, y Buffer)           { c.workers.AddTo(dst.host, x.host, y.host) }
func (c *CPU) ScaleTo(dst, x Buffer, s float32) { c.workers.ScaleTo(dst.host, x.host, s) }
func (c *CPU) MulColumns(y, x, g Buffer, rows, d int) {
	c.workers.MulColumns(y.host, x.host, g.host, rows, d)
}
func (c *CPU) MulColumnsGrad(dg, dy, x Buffer, rows, d int) {
	c.workers.MulColumnsGrad(dg.host, dy.host, x.host, rows, d)
}
func (c *CPU) AddBias(y, bias Buffer, rows, d int) { c.workers.AddBias(y.host, bias.host, rows, d) }
func (c *CPU) SumRows(dst, x Buffer, rows, d int)  { c.workers.SumRows(dst.host, x.host, rows, d) }

// Drop applies a dropout mask.
func (c *CPU) Drop(m Mask, dst, x Buffer) {
	const grain = 1 << 13
	c.workers.Rows(x.n, grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if Mix(m.Key+uint64(i))>>11 < m.Threshold {
				dst.host[i] = 0
			} else {
				dst.host[i] = x.host[i] * m.Keep
			}
		}
	})
}

// Mix is the finaliser of splitmix64.
func Mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (c *CPU) Activate(act kernels.Act, y, x Buffer) { c.workers.Activate(act, y.host, x.host) }
func (c *CPU) ActivateGrad(act kernels.Act, dx, dy, x Buffer) {
	c.workers.ActivateGrad(act, dx.host, dy.host, x.host)
}
func (c *CPU) SwiGLU(y, gate, up Buffer) { c.workers.SwiGLU(y.host, gate.host, up.host) }
func (c *CPU) SwiGLUGrad(dgate, dup, dy, gate, up Buffer) {
	c.workers.SwiGLUGrad(dgate.host, dup.host, dy.host, gate.host, up.host)
}

func (c *CPU) RMSNorm(y, rstd, x, w Buffer, rows, d int, eps float64) {
	c.workers.RMSNorm(y.host, rstd.host, x.host, w.host, rows, d, eps)
}
func (c *CPU) RMSNormGrad(dx, dw, dy, x, w, rstd Buffer, rows, d int) {
	c.workers.RMSNormGrad(dx.host, dw.host, dy.host, x.host, w.host, rstd.host, rows, d)
}
func (c *CPU) LayerNorm(y, mean, rstd, x, w, b Buffer, rows, d int, eps float64) {
	c.workers.LayerNorm(y.host, mean.host, rstd.host, x.host, w.host, b.host, rows, d, eps)
}
func (c *CPU) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd Buffer, rows, d int) {
	c.workers.LayerNormGrad(dx.host, dw.host, db.host, dy.host, x.host, w.host, mean.host, rstd.host, rows, d)
}

func (c *CPU) Rope(x Buffer, pos []int32, heads int, t *kernels.RopeTable, sign float32) {
	c.workers.Rope(x.host, pos, heads, t, sign)
}
func (c *CPU) Attention(a kernels.Attention, out, lse, q, k, v Buffer, spans []kernels.Span) {
	a.Forward(c.workers, out.host, lse.host, q.host, k.host, v.host, spans)
}
func (c *CPU) AttentionGrad(a kernels.Attention, dq, dk, dv, dout, out, lse, q, k, v Buffer, spans []kernels.Span) {
	a.Backward(c.workers, dq.host, dk.host, dv.host, dout.host, out.host, lse.host, q.host, k.host, v.host, spans)
}

// NewKV lays keys and values out in host memory.
func (c *CPU) NewKV(mem Buffer, heads, d, capacity int) kernels.KV {
	return kernels.NewKV(mem.host, heads, d, capacity)
}

// CopyKV copies a layer to a worker.
func (c *CPU) CopyKV(dst, src []kernels.KV, n int) {
	c.workers.Each(len(dst), func(l int) { dst[l].CopyFrom(&src[l], n) })
}

// PutKV stores keys and values, a sequence to a worker.
func (c *CPU) PutKV(spans []kernels.KVSpan, k, v Buffer) {
	c.workers.Each(len(spans), func(i int) {
		s := spans[i]
		width := s.KV.Heads * s.KV.D
		s.KV.Put(s.Len-s.QN, k.host[s.Q0*width:], v.host[s.Q0*width:], s.QN)
	})
}

func (c *CPU) AttentionKV(a kernels.Attention, out, q Buffer, spans []kernels.KVSpan) {
	a.ForwardKV(c.workers, out.host, q.host, spans)
}

// CrossEntropy replaces logits by their gradient.
func (c *CPU) CrossEntropy(logits Buffer, targets []int32, v int) float64 {
	return c.workers.CrossEntropy(logits.host, targets, v)
}
