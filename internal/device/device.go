// Package device is what the operations of internal/autograd are computed on. CPU computes with internal/kernels. Count
// computes nothing: its buffers have sizes and no memory, and it adds up what a computation would take. It knows
// buffers and single operations, and neither the tape that orders them nor a model.
//
// A device owns its buffers. Host arrays, such as pixels that come in and losses that go out, are wrapped.
package device

import "moslava/internal/kernels"

// Buffer is an array of float32 on a device. The zero Buffer is none.
type Buffer struct {
	n     int
	taken int       // elements that the device's pool gave for it; 0: it is not the pool's
	host  []float32 // nil on a device that only counts
}

// Wrap is a host array as a buffer that no pool owns.
func Wrap(host []float32) Buffer { return Buffer{n: len(host), host: host} }

// Sized is a buffer of n elements without memory, for a device that only counts.
func Sized(n int) Buffer { return Buffer{n: n} }

// Len is the number of elements.
func (b Buffer) Len() int { return b.n }

// None reports whether the buffer is none.
func (b Buffer) None() bool { return b.n == 0 && b.taken == 0 && b.host == nil }

// Host is the array itself, not a copy; nil on a device that only counts.
func (b Buffer) Host() []float32 { return b.host }

// From is the buffer from element at on. Its memory stays the whole buffer's.
func (b Buffer) From(at int) Buffer { return b.Part(at, b.n-at) }

// Part is n elements of the buffer. Their memory stays the whole buffer's.
func (b Buffer) Part(at, n int) Buffer {
	if at < 0 || n < 0 || at+n > b.n {
		panic("device: a part outside of its buffer")
	}
	if b.host == nil {
		return Buffer{n: n}
	}
	return Buffer{n: n, host: b.host[at : at+n : at+n]}
}

// Matrix is the right-hand side [K, N] of a product: a buffer seen in one of two ways, or a frozen weight that is packed.
type Matrix struct {
	N, K   int
	ld     int
	buf    Buffer
	across bool // rows of buf are the matrix's own, [K, N]; else they are its columns, [N, K]
	packed *kernels.Packed
}

// NK is row-major b [n, k], rows ld apart, as the right-hand side of x·bᵀ.
func NK(b Buffer, n, k, ld int) Matrix { return Matrix{N: n, K: k, ld: ld, buf: b} }

// KN is row-major b [k, n], rows ld apart, as the right-hand side of x·b.
func KN(b Buffer, k, n, ld int) Matrix { return Matrix{N: n, K: k, ld: ld, buf: b, across: true} }

// Packed is a frozen weight.
func Packed(p *kernels.Packed) Matrix { return Matrix{N: p.N, K: p.K, packed: p} }

// T is the transposed matrix over the same memory.
func (m Matrix) T() Matrix {
	m.N, m.K, m.across = m.K, m.N, !m.across
	if m.packed != nil {
		m.packed = m.packed.T()
	}
	return m
}

// Left is a left-hand side [M, K] that is packed once for several products.
type Left struct {
	M, K int
	left *kernels.Left
}

// A Term is one product A·B of a sum.
type Term struct {
	A Left
	B Matrix
}

// A Sum is C = Σ A·B over its terms, in their order. C is [M, N], rows LDC apart.
type Sum struct {
	Terms []Term
	C     Buffer
	LDC   int
}

// A Product is x·B for rows x [M, B.K] that several matrices are multiplied with. C is [M, B.N].
type Product struct {
	B Matrix
	C Buffer
}

// Mask is a dropout mask that is drawn again whenever it is needed: element i is kept when a hash of (Key, i) is at least Threshold
// of 2^53, and multiplied by Keep then.
type Mask struct {
	Key, Threshold uint64
	Keep           float32
}

// LowRank is the term Scale·B·M·A of an adapter, for the norms of a weight's rows. A is [R, in], M [R, R] or none, B [out, R].
type LowRank struct {
	A, M, B Buffer
	R       int
	Scale   float32
}

// Device is everything that operations are made of. Shapes stand with the functions of internal/kernels of the same names.
type Device interface {
	// HasElements reports whether buffers have elements, or sizes alone.
	HasElements() bool

	// Get takes a buffer of n elements, whose contents are undefined; Put gives it back.
	Get(n int) Buffer
	Put(b Buffer)

	// New is a buffer of zeros that no pool owns.
	New(n int) Buffer

	Fill(b Buffer, v float32)
	// Item is the only element of a buffer; on a device that only counts, 1.
	Item(b Buffer) float32
	// NotFinite is the place of the first NaN or infinity, or -1.
	NotFinite(b Buffer) int

	Copy(dst, x Buffer)
	Add(dst, x Buffer)
	AddTo(dst, x, y Buffer)
	ScaleTo(dst, x Buffer, s float32)
	MulColumns(y, x, g Buffer, rows, d int)
	MulColumnsGrad(dg, dy, x Buffer, rows, d int)
	AddBias(y, bias Buffer, rows, d int)
	SumRows(dst, x Buffer, rows, d int)
	Drop(m Mask, dst, x Buffer)
	Activate(act kernels.Act, y, x Buffer)
	ActivateGrad(act kernels.Act, dx, dy, x Buffer)
	SwiGLU(y, gate, up Buffer)
	SwiGLUGrad(dgate, dup, dy, gate, up Buffer)

	RMSNorm(y, rstd, x, w Buffer, rows, d int, eps float64)
	// RMSNormGrad and LayerNormGrad leave out the gradients whose buffers are none; dx may be dy.
	RMSNormGrad(dx, dw, dy, x, w, rstd Buffer, rows, d int)
	LayerNorm(y, mean, rstd, x, w, b Buffer, rows, d int, eps float64)
	LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd Buffer, rows, d int)

	Rope(x Buffer, pos []int32, heads int, t *kernels.RopeTable, sign float32)
	Attention(a kernels.Attention, out, lse, q, k, v Buffer, spans []kernels.Span)
	AttentionGrad(a kernels.Attention, dq, dk, dv, dout, out, lse, q, k, v Buffer, spans []kernels.Span)

	// NewKV is room for the keys and values of one sequence in one layer, over a buffer of kernels.KVSize elements.
	NewKV(mem Buffer, heads, d, capacity int) kernels.KV
	// CopyKV copies the first n positions of each layer.
	CopyKV(dst, src []kernels.KV, n int)
	// PutKV stores rows Q0..Q0+QN of k and v as the last positions of each span's sequence, and AttentionKV attends over
	// all of its positions.
	PutKV(spans []kernels.KVSpan, k, v Buffer)
	AttentionKV(a kernels.Attention, out, q Buffer, spans []kernels.KVSpan)

	// Mul is C = A·B, or C += A·B; element (i, j) of A, which has m rows, is at i*rs+j*cs.
	Mul(m int, a Buffer, rs, cs int, b Matrix, c Buffer, ldc int, accumulate bool)
	// MulRow is every product of one row x, each as Mul gives it, to the bit, at the speed of memory.
	MulRow(x Buffer, products ...Product)
	// Pack packs row-major x [m, k] into room, which must have m·k elements.
	Pack(room Buffer, m int, x Buffer, k int) Left
	Sums(sums ...Sum)

	// Gather sets row i of dst to row at[i] of src, Scatter row at[i] of dst to row i of src, ScatterAdd adds it, and ClearRows
	// makes rows zero; rows are d wide.
	Gather(dst, src Buffer, at []int32, d int)
	Scatter(dst, src Buffer, at []int32, d int)
	ScatterAdd(dst, src Buffer, at []int32, d int)
	ClearRows(dst Buffer, at []int32, d int)
	// GatherPacked is Gather from a packed table.
	GatherPacked(dst Buffer, table *kernels.Packed, at []int32)
	// CopyColumns copies columns [from, from+n) of rows of src, ws wide, to columns [to, to+n) of rows of dst, wd wide; AddColumns
	// adds them.
	CopyColumns(dst Buffer, wd, to int, src Buffer, ws, from, n, rows int)
	AddColumns(dst Buffer, wd, to int, src Buffer, ws, from, n, rows int)
	// GatherTurned sets row i of dst [len(at), r] to column at[i] of src [r, n]; AddTurned adds rows of src to columns of dst.
	GatherTurned(dst, src Buffer, at []int32, r, n int)
	AddTurned(dst, src Buffer, at []int32, r, n int)
	// Transpose sets dst [m, n] to the transpose of x [n, m].
	Transpose(dst, x Buffer, n, m int)
	// SetColumns sets column at[j] of y to column j of cols, of so many rows; CutColumns takes them off to cols and leaves zeros.
	SetColumns(y, cols Buffer, at []int32, rows int)
	CutColumns(cols, y Buffer, at []int32, rows int)
	// Unfold cuts images [3, h, w] into patches of p x p pixels: rows of dst [images*(h/p)*(w/p), 3*p*p].
	Unfold(dst Buffer, images [][]float32, h, w, p int)

	// PackWeight packs a frozen weight [n, k], and Unpack gives its elements again, as they were rounded.
	PackWeight(w Buffer, n, k int, kind kernels.Kind) *kernels.Packed
	Unpack(p *kernels.Packed) Buffer

	CrossEntropy(logits Buffer, targets []int32, v int) float64

	// Squares are the squared lengths of the rows of a weight [out, in], given as the right-hand side of x·Wᵀ.
	Squares(w Matrix) []float64
	// Norms are the lengths of the rows of W + Scale·B·M·A; squares are those of W.
	Norms(w Matrix, low LowRank, squares []float64) []float32
	// Gains are magnitudes over norms, 1 where a norm is zero.
	Gains(magnitudes Buffer, norms []float32) Buffer
	// AddQuotients adds sums over per to dst where norms are above zero.
	AddQuotients(dst, sums, per Buffer, norms []float32)

	// Repeat sets runs of blocks[k] elements of dst to element k of c; AddBlocks adds the sum of each run to element k of dst.
	Repeat(dst, c Buffer, blocks []int)
	AddBlocks(dst, runs Buffer, blocks []int)
}

// Usage counts the elements of a pool's buffers, as they are rounded up.
type Usage struct {
	Out  int // handed out and not taken back: in use, or left to the garbage collector
	Free int // kept for the next
	Peak int // the most that was out since ResetPeak
}
