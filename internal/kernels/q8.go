package kernels

import (
	"fmt"
	"math"
	"unsafe"
)

// packQ8 quantises one row of the weight, a column i of panel j: in each block of 64 the largest magnitude
// becomes 127 times the block's scale, and every weight the nearest whole multiple of it.
func (p *Packed) packQ8(j, i int, row []float32) {
	for b := range p.kb {
		blk := row[b*64 : min(len(row), b*64+64)]
		m := largest(blk)
		p.s[(j*p.kb+b)*nr+i] = m / 127
		inv := float32(0)
		if m > 0 {
			inv = 127 / m
		}
		q := p.q[(j*p.kb+b)*64*nr+i:]
		for k, v := range blk {
			q[k*nr] = byte(int8(math.RoundToEven(float64(v * inv))))
		}
	}
}

func q8ExpandGo(nblk, rows int, q *byte, s, dst *float32) {
	Q, S, D := unsafe.Slice(q, nblk*rows*nr), fs(s, nblk*nr), fs(dst, nblk*rows*nr)
	for i, v := range Q {
		D[i] = float32(int8(v)) * S[i/(rows*nr)*nr+i%nr]
	}
}

// gemvQ8Go multiplies x with nblk blocks of two panels.
func gemvQ8Go(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int) {
	k := nblk * 64
	t := getFloats(2 * k * nr)
	defer floatPool.Put(t)
	q8ExpandGo(nblk, 64, (*byte)(b), s, &(*t)[0])
	q8ExpandGo(nblk, 64, (*byte)(unsafe.Add(b, stride)), (*float32)(unsafe.Add(unsafe.Pointer(s), sstride)), &(*t)[k*nr])
	gemvF32(k, x, unsafe.Pointer(&(*t)[0]), k*nr*4, y, acc)
}

// ParseKind reads the name of a storage of weights as flags and recipes have it: f32, bf16, q8 or nf4.
func ParseKind(name string) (Kind, error) {
	switch name {
	case "f32":
		return F32, nil
	case "bf16":
		return BF16, nil
	case "q8":
		return Q8, nil
	case "nf4":
		return NF4, nil
	}
	return 0, fmt.Errorf("weights %q are not known; known are f32, bf16, q8, nf4", name)
}
