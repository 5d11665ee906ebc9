package kernels

import (
	"fmt"
	"math"
	"unsafe"
)

// Kind says how a matrix that stands on the right of a product is stored.
type Kind uint8

const (
	F32       Kind = iota // packed panels, 4 bytes an element
	BF16                  // packed panels, 2 bytes an element, columns j and j+8 in one uint32
	F16                   // packed panels, IEEE half precision, columns 2j and 2j+1 in one uint32
	NF4                   // packed panels, 4 bits and a float32 absmax per 64 (k) x 1 (n) block
	Q8                    // packed panels, 8 bits and a float32 scale per 64 (k) x 1 (n) block
	NF4Single             // NF4 by Pack alone: the absmax is not quantised as well. What is packed so is NF4
	rawNK                 // row-major [N, K] float32, packed block by block in each call
	rawKN                 // row-major [K, N] float32, packed block by block in each call
)

func (k Kind) String() string {
	return [...]string{"float32", "bfloat16", "float16", "nf4", "q8", "nf4-single", "raw [N,K]", "raw [K,N]"}[k]
}

// nr is the width of a panel of B. kcMax rows of B are taken at a time, so that a pair of panels and
// what of A meets it stay in the first-level cache. It is the same for every instruction set: a sum is
// cut where kcMax says, and results should not differ by more than the fusing of products does.
const (
	nr    = 16
	kcMax = 256
)

// nf4tab is the NF4 code book of QLoRA (Dettmers et al. 2023), as bitsandbytes has it.
var nf4tab = [16]float32{-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
	-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
	0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
	0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0}

// Packed is the right-hand matrix B [K, N] of a product, in panels of 16 columns.
// One packed copy serves both x·Wᵀ and, through T, dy·W.
type Packed struct {
	Kind  Kind
	K, N  int
	kb    int // NF4, Q8: blocks along K
	ld    int // raw: distance between rows
	f     []float32
	u     []uint32 // BF16, F16: pairs
	q     []byte
	s     []float32
	trans bool // a view whose contraction runs over the stored N
	bytes int  // of an outline, which has no elements
}

func (p *Packed) panels() int { return (p.N + nr - 1) / nr }

// Bytes is the memory that the packed matrix holds.
func (p *Packed) Bytes() int { return 4*len(p.f) + 4*len(p.u) + len(p.q) + 4*len(p.s) + p.bytes }

// Outline is what Pack would make of a matrix [n, k], without elements.
func Outline(n, k int, kind Kind) *Packed {
	bytes := PackedBytes(kind, n, k)
	if kind == NF4Single {
		kind = NF4
	}
	return &Packed{Kind: kind, K: k, N: n, bytes: bytes}
}

// Pack packs w, row-major [n, k] as Hugging Face stores a linear layer (out, in), for x·wᵀ.
func (on Workers) Pack(w []float32, n, k int, kind Kind) *Packed {
	if len(w) != n*k {
		panic(fmt.Sprintf("kernels: Pack: %d elements for [%d, %d]", len(w), n, k))
	}
	if kind == NF4Single {
		kind = NF4
	}
	p := &Packed{Kind: kind, K: k, N: n}
	switch kind {
	case F32:
		p.f = room[float32](p.panels() * k * nr)
	case BF16, F16:
		p.u = room[uint32](p.panels() * k * 8)
	case NF4:
		p.kb = (k + 63) / 64
		p.q = room[byte](p.panels() * p.kb * 64 * 8)
		p.s = room[float32](p.panels() * p.kb * nr)
	case Q8:
		p.kb = (k + 63) / 64
		p.q = room[byte](p.panels() * p.kb * 64 * nr)
		p.s = room[float32](p.panels() * p.kb * nr)
	default:
		panic("kernels: Pack: " + kind.String())
	}
	if k > 0 {
		on.Each(p.panels(), func(j int) { p.packPanel(j, w, n, k) })
	}
	return p
}

func (p *Packed) packPanel(j int, w []float32, n, k int) {
	switch p.Kind {
	case F32:
		NK(w, n, k, k).packNK(j, 0, k, p.f[j*k*nr:(j+1)*k*nr])
	case BF16, F16:
		s := scratchPool.Get().(*scratch)
		defer scratchPool.Put(s)
		narrow := bf16Narrow
		if p.Kind == F16 {
			narrow = f16Narrow
		}
		for k0 := 0; k0 < k; k0 += kcMax {
			kc := min(kcMax, k-k0)
			NK(w, n, k, k).packNK(j, k0, kc, s.b[0][:])
			narrow(kc, &s.b[0][0], unsafe.Pointer(&p.u[(j*k+k0)*8]))
		}
	default:
		for i := range min(nr, n-j*nr) {
			row := w[(j*nr+i)*k:][:k]
			if p.Kind == NF4 {
				p.packNF4(j, i, row)
			} else {
				p.packQ8(j, i, row)
			}
		}
	}
}

// packNF4 quantises one row of the weight, a column of the panel.
func (p *Packed) packNF4(j, i int, row []float32) {
	for b := range p.kb {
		blk := row[b*64 : min(len(row), b*64+64)]
		m := largest(blk)
		p.s[(j*p.kb+b)*nr+i] = m
		inv := float32(0)
		if m > 0 {
			inv = 1 / m
		}
		q := p.q[(j*p.kb+b)*32*16+i:]
		for k := range 32 {
			even, odd := nf4Zero, nf4Zero
			if 2*k < len(blk) {
				even = nf4Code(blk[2*k] * inv)
			}
			if 2*k+1 < len(blk) {
				odd = nf4Code(blk[2*k+1] * inv)
			}
			q[k*16] = even | odd<<4
		}
	}
}

// largest is the largest magnitude.
func largest(w []float32) (m float32) {
	for _, v := range w {
		m = max(m, float32(math.Abs(float64(v))))
	}
	return m
}

// nf4Code is the nearest code, the lower of two that are equally near. What a product with 1/m has rounded to more than 1
// is 1 for it; the reciprocal of a subnormal m may be infinite, and the products then have code 0.
func nf4Code(v float32) byte {
	if v > 2 || v < -2 {
		return 0
	}
	return nf4Nearest(min(1, max(-1, v)))
}

// NK wraps row-major b [n, k], rows ld apart, as the right-hand matrix of x·bᵀ. Nothing is copied.
func NK(b []float32, n, k, ld int) *Packed { return &Packed{Kind: rawNK, K: k, N: n, ld: ld, f: b} }

// KN wraps row-major b [k, n], rows ld apart, as the right-hand matrix of x·b. Nothing is copied.
func KN(b []float32, k, n, ld int) *Packed { return &Packed{Kind: rawKN, K: k, N: n, ld: ld, f: b} }

// rawLen is how many elements a raw matrix must have.
func (p *Packed) rawLen() int {
	switch p.Kind {
	case rawNK:
		return (p.N-1)*p.ld + p.K
	case rawKN:
		return (p.K-1)*p.ld + p.N
	}
	return 0
}

// T is a view of the same storage for the transposed matrix: dx = dy·W.
func (p *Packed) T() *Packed {
	q := *p
	q.K, q.N = p.N, p.K
	switch p.Kind {
	case rawNK:
		q.Kind = rawKN
	case rawKN:
		q.Kind = rawNK
	default:
		q.trans = !p.trans
	}
	return &q
}

// Dense writes the stored (maybe rounded) weight, row-major [N, K], to dst.
func (p *Packed) Dense(on Workers, dst []float32) {
	if !p.trans && p.Kind <= Q8 {
		on.Rows(p.N, nr, func(lo, hi int) {
			for n := lo; n < hi; n++ {
				p.Row(n, dst[n*p.K:][:p.K])
			}
		})
		return
	}
	for n := range p.N {
		for k := range p.K {
			dst[n*p.K+k] = p.at(k, n)
		}
	}
}

func (p *Packed) at(k, n int) float32 {
	if p.trans {
		q := *p
		q.K, q.N, q.trans = p.N, p.K, false
		return q.at(n, k)
	}
	j, i := n/nr, n%nr
	switch p.Kind {
	case F32:
		return p.f[(j*p.K+k)*nr+i]
	case BF16:
		u := p.u[(j*p.K+k)*8+i%8]
		if i < 8 {
			return math.Float32frombits(u << 16)
		}
		return math.Float32frombits(u & 0xffff0000)
	case F16:
		return FromF16(uint16(p.u[(j*p.K+k)*8+i/2] >> (16 * (i & 1))))
	case NF4:
		b := k / 64
		c := p.q[((j*p.kb+b)*32+(k%64)/2)*16+i] >> (4 * (k & 1)) & 15
		return nf4tab[c] * p.s[(j*p.kb+b)*nr+i]
	case Q8:
		b := k / 64
		return float32(int8(p.q[((j*p.kb+b)*64+k%64)*nr+i])) * p.s[(j*p.kb+b)*nr+i]
	case rawNK:
		return p.f[n*p.ld+k]
	default:
		return p.f[k*p.ld+n]
	}
}

// panel returns rows k0..k0+kc of panel j as [kc, 16] floats, in place or expanded into s,
// and where the next panel lies (nil: nowhere) for prefetching, with the bytes it has.
func (p *Packed) panel(j, k0, kc int, s *scratch) (b, next unsafe.Pointer, nextBytes uintptr) {
	next, nextBytes = p.stored(j+1, k0, kc)
	if p.inPlace() {
		b, _ = p.stored(j, k0, kc)
		return b, next, nextBytes
	}
	p.expand(j, k0, kc, s.b[0][:], &s.t)
	return unsafe.Pointer(&s.b[0][0]), next, nextBytes
}

// inPlace says that the product reads what is stored, without expanding it.
func (p *Packed) inPlace() bool { return p.Kind == F32 && !p.trans }

// stored is where rows k0..k0+kc of panel j lie if they lie together, and their bytes.
func (p *Packed) stored(j, k0, kc int) (unsafe.Pointer, uintptr) {
	if p.trans || j >= p.panels() {
		return nil, 0
	}
	switch p.Kind {
	case F32:
		return unsafe.Pointer(&p.f[(j*p.K+k0)*nr]), uintptr(kc * nr * 4)
	case BF16, F16:
		return unsafe.Pointer(&p.u[(j*p.K+k0)*8]), uintptr(kc * nr * 2)
	case NF4:
		return unsafe.Pointer(&p.q[(j*p.kb+k0/64)*512]), uintptr(kc * nr / 2)
	case Q8:
		return unsafe.Pointer(&p.q[(j*p.kb+k0/64)*64*nr]), uintptr(kc * nr)
	}
	return nil, 0
}

// expand writes rows k0..k0+kc of panel j to dst as [kc, 16]. Up to the next multiple of 64 rows of dst
// may be overwritten.
func (p *Packed) expand(j, k0, kc int, dst []float32, t *[nr * nr]float32) {
	switch {
	case p.trans:
		p.packTrans(j, k0, kc, dst, t)
	case p.Kind == F32:
		copy(dst, p.f[(j*p.K+k0)*nr:][:kc*nr])
	case p.Kind == BF16:
		bf16Expand(kc, unsafe.Pointer(&p.u[(j*p.K+k0)*8]), &dst[0])
	case p.Kind == F16:
		f16Expand(kc, unsafe.Pointer(&p.u[(j*p.K+k0)*8]), &dst[0])
	case p.Kind == NF4:
		blk := k0 / 64
		nf4Dequant((kc+63)/64, &p.q[(j*p.kb+blk)*512], &p.s[(j*p.kb+blk)*nr], &dst[0])
	case p.Kind == Q8:
		blk := j*p.kb + k0/64
		q8Expand((kc+63)/64, 64, &p.q[blk*64*nr], &p.s[blk*nr], &dst[0])
	case p.Kind == rawNK:
		p.packNK(j, k0, kc, dst)
	case p.Kind == rawKN:
		p.packKN(j, k0, kc, dst)
	}
}

func (p *Packed) packNK(j, k0, kc int, dst []float32) {
	n0 := j * nr
	for h := 0; h < nr; h += 8 {
		done := 0
		if n0+h+8 <= p.N && kc >= 8 {
			done = kc &^ 7
			packT8(kc/8, unsafe.Pointer(&p.f[(n0+h)*p.ld+k0]), p.ld*4, &dst[h], nr*4)
		}
		for i := h; i < h+8; i++ {
			if n0+i < p.N {
				row := p.f[(n0+i)*p.ld+k0:][:kc]
				for k := done; k < kc; k++ {
					dst[k*nr+i] = row[k]
				}
				continue
			}
			for k := range kc {
				dst[k*nr+i] = 0
			}
		}
	}
}

func (p *Packed) packKN(j, k0, kc int, dst []float32) {
	fillRows(kc, min(nr, p.N-j*nr), p.f[k0*p.ld+j*nr:], p.ld, dst)
}

// packTrans fills dst[n][16] with columns kk0..kk0+16 of the stored K and rows k0..k0+kc of the stored N.
func (p *Packed) packTrans(j, k0, kc int, dst []float32, t *[nr * nr]float32) {
	kk0, sk := j*nr, p.N // sk: stored K
	rows := min(nr, sk-kk0)
	for n := 0; n < kc; n += nr {
		pn := (k0 + n) / nr // stored panel
		src := &t[0]
		switch p.Kind {
		case F32:
			if rows == nr {
				src = &p.f[(pn*sk+kk0)*nr]
			} else {
				clear(t[copy(t[:], p.f[(pn*sk+kk0)*nr:][:rows*nr]):])
			}
		case BF16:
			bf16Expand(rows, unsafe.Pointer(&p.u[(pn*sk+kk0)*8]), src)
			clear(t[rows*nr:])
		case F16:
			f16Expand(rows, unsafe.Pointer(&p.u[(pn*sk+kk0)*8]), src)
			clear(t[rows*nr:])
		case NF4:
			o := (pn*p.kb+kk0/64)*512 + (kk0%64)/2*16
			nf4DequantN(8, &p.q[o], &p.s[(pn*p.kb+kk0/64)*nr], src)
		case Q8:
			blk := pn*p.kb + kk0/64
			q8Expand(1, nr, &p.q[(blk*64+kk0%64)*nr], &p.s[blk*nr], src)
		}
		d, sp := dst[n*nr:], unsafe.Pointer(src) // [16 kk][16 n] to [n][kk]
		packT8(2, sp, nr*4, &d[0], nr*4)
		packT8(2, unsafe.Add(sp, 8*nr*4), nr*4, &d[8], nr*4)
	}
}
