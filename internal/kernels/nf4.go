package kernels

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// The sizes of bitsandbytes' blocks: of elements, and of the blocks' largest magnitudes.
const (
	nf4Block  = 64
	nf4Nested = 256
)

// NF4Weight is a matrix [N, K], row-major, as bitsandbytes 0.50 keeps it with bnb_4bit_quant_type nf4 and
// bnb_4bit_use_double_quant (QLoRA, arXiv 2305.14314): 4.127 bits an element. Blocks run over the flattened matrix.
type NF4Weight struct {
	N, K   int
	Codes  []byte    // two a byte, the first in the high half; an odd tail is filled with 7, the code of 0
	Absmax []byte    // of each 64 elements: an index into DynamicMap
	Nested []float32 // of each 256 of those: the largest magnitude of absmax - Offset
	Offset float32   // the mean of absmax
}

// QuantizeNF4 quantises w [n, k]. The bytes are those of bitsandbytes on the CPU with one thread, but that a block of
// nothing but zeros stays zero: bitsandbytes divides by zero there and takes the lowest code.
func (on Workers) QuantizeNF4(w []float32, n, k int) *NF4Weight {
	if len(w) != n*k {
		panic(fmt.Sprintf("kernels: QuantizeNF4: %d elements for [%d, %d]", len(w), n, k))
	}
	blocks := (len(w) + nf4Block - 1) / nf4Block
	q := &NF4Weight{N: n, K: k, Codes: make([]byte, (len(w)+1)/2), Absmax: make([]byte, blocks),
		Nested: make([]float32, (blocks+nf4Nested-1)/nf4Nested)}
	absmax := make([]float32, blocks)
	on.Rows(blocks, 1<<10, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			absmax[b] = q.quantizeBlock(b, w[b*nf4Block:min(len(w), (b+1)*nf4Block)])
		}
	})
	q.quantizeAbsmax(absmax)
	return q
}

// quantizeBlock writes the codes of block b and returns its largest magnitude.
func (q *NF4Weight) quantizeBlock(b int, w []float32) (largest float32) {
	var bits uint32
	for _, v := range w {
		bits = max(bits, math.Float32bits(v)&^(1<<31)) // in the order of magnitudes, NaN last
	}
	largest = math.Float32frombits(bits)
	codes := q.Codes[b*nf4Block/2:]
	by := largest
	if by == 0 {
		by = 1 // so that zeros have the code of 0
	}
	for len(w) >= 2 {
		codes[0] = nf4Nearest(w[0]/by)<<4 | nf4Nearest(w[1]/by)
		w, codes = w[2:], codes[1:]
	}
	if len(w) == 1 {
		codes[0] = nf4Nearest(w[0]/by)<<4 | nf4Zero
	}
	return largest
}

func (q *NF4Weight) quantizeAbsmax(absmax []float32) {
	if len(absmax) == 0 {
		return
	}
	q.Offset = torchMean(absmax)
	for i := range q.Nested {
		part := absmax[i*nf4Nested : min(len(absmax), (i+1)*nf4Nested)]
		var largest float32
		for _, v := range part {
			largest = max(largest, float32(math.Abs(float64(v-q.Offset))))
		}
		q.Nested[i] = largest
		for j, v := range part {
			q.Absmax[i*nf4Nested+j] = dynamicNearest((v - q.Offset) / largest) // all equal: 0/0, which is code 0 times 0
		}
	}
}

// Scales are the blocks' factors after both quantisations: map[Absmax]·Nested + Offset.
func (q *NF4Weight) Scales() []float32 {
	table := DynamicMap()
	s := make([]float32, len(q.Absmax))
	for i, a := range q.Absmax {
		s[i] = float32(table[a]*q.Nested[i/nf4Nested]) + q.Offset
	}
	return s
}

// Dense writes the weight that the codes stand for, row-major.
func (q *NF4Weight) Dense(dst []float32) {
	scales := q.Scales()
	for i := range q.N * q.K {
		c := q.Codes[i/2] >> 4
		if i%2 == 1 {
			c = q.Codes[i/2] & 15
		}
		dst[i] = nf4tab[c] * scales[i/nf4Block]
	}
}

// Pack brings the weight into panels, for x·Wᵀ and dy·W. Products are those of Dense, bit for bit. Rows have to be whole
// blocks: K is a multiple of 64.
func (q *NF4Weight) Pack(on Workers) (*Packed, error) {
	if q.K%nf4Block != 0 {
		return nil, fmt.Errorf("nf4: rows of %d elements are not whole blocks of %d", q.K, nf4Block)
	}
	p := &Packed{Kind: NF4, K: q.K, N: q.N, kb: q.K / nf4Block}
	p.q = make([]byte, p.panels()*q.K*nr/2)
	p.s = make([]float32, p.panels()*p.kb*nr)
	scales := q.Scales()
	on.Each(p.panels(), func(j int) {
		for i := range min(nr, q.N-j*nr) {
			row := j*nr + i
			d := p.q[j*q.K*nr/2+i:]
			for l, c := range q.Codes[row*q.K/2:][:q.K/2] {
				d[l*nr] = c>>4 | c<<4 // panels have the first in the low half
			}
			for b, s := range scales[row*p.kb:][:p.kb] {
				p.s[(j*p.kb+b)*nr+i] = s
			}
		}
	})
	return p, nil
}

// nf4Zero is the code of 0.
const nf4Zero byte = 7

// DynamicMap is the table that bitsandbytes quantises absmax with: create_dynamic_map(signed, 7, 8), ascending.
var DynamicMap = sync.OnceValue(func() []float32 {
	var table []float32
	for i, scale := range [...]float32{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1} {
		edges := linspace(0.1, 1, 1<<i+1)
		for j := range 1 << i {
			v := float32(scale * ((edges[j] + edges[j+1]) / 2))
			table = append(table, v, -v)
		}
	}
	table = append(table, 0, 1)
	slices.Sort(table)
	return table
})

// linspace is torch's on the CPU, which counts from both ends with one rounding each.
func linspace(from, to float32, n int) []float32 {
	step := (to - from) / float32(n-1)
	out := make([]float32, n)
	for i := range out {
		if i < n/2 {
			out[i] = float32(float64(step)*float64(i) + float64(from))
		} else {
			out[i] = float32(float64(to) - float64(step)*float64(n-1-i))
		}
	}
	return out
}

var (
	nf4Edges     = [16]float32(append(edges(nf4tab[:]), 2)) // the last is out of reach
	dynamicEdges = sync.OnceValue(func() []float32 { return edges(DynamicMap()) })
)

// nf4Start is, for each of 129 equal steps from -1 to 1, a code that is not above those of the numbers there.
var nf4Start = func() (start [2*nf4Steps + 1]byte) {
	for i := range start {
		v := float32(i)/nf4Steps - 1 - 1e-6 // what rounding in the look-up can do is less
		for start[i] < 15 && v >= nf4Edges[start[i]] {
			start[i]++
		}
	}
	return start
}()

const nf4Steps = 64

// nf4Nearest is the code that lies nearest to v in [-1, 1], the lower of two that are equally near; 0 for a NaN.
func nf4Nearest(v float32) byte {
	if v != v {
		return 0
	}
	c := nf4Start[int(float32(v+1)*nf4Steps)]
	for v >= nf4Edges[c&15] {
		c++
	}
	return c
}

func dynamicNearest(v float32) byte {
	e := dynamicEdges()
	c := 0
	for half := 128; half > 0; half /= 2 {
		if v >= e[c+half-1] {
			c += half
		}
	}
	return byte(c)
}

// edges gives for each entry of an ascending table but the first the smallest number that is nearer to it than to the one
// before, distances being rounded to float32 as where they are computed one by one.
func edges(table []float32) []float32 {
	out := make([]float32, len(table)-1)
	for i := range out {
		a, b := table[i], table[i+1]
		lo, hi := ordered(a), ordered(b)
		for hi-lo > 1 {
			mid := lo + (hi-lo)/2
			if v := unordered(mid); b-v < v-a {
				hi = mid
			} else {
				lo = mid
			}
		}
		out[i] = unordered(hi)
	}
	return out
}

// ordered maps floats to integers in the same order, and unordered back.
func ordered(f float32) int64 {
	u := int64(math.Float32bits(f))
	if u >= 1<<31 {
		u = 1<<31 - u
	}
	return u
}

func unordered(i int64) float32 {
	if i < 0 {
		i = 1<<31 - i
	}
	return math.Float32frombits(uint32(i))
}
