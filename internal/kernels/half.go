package kernels

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// ToBF16 rounds to the nearest bfloat16, ties to even; NaN stays NaN.
func ToBF16(f float32) uint16 {
	u := math.Float32bits(f)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + (u>>16)&1) >> 16)
}

// ToF16 rounds to the nearest IEEE half-precision number, ties to even; what is too large becomes infinite, NaN stays NaN.
func ToF16(f float32) uint16 {
	u := math.Float32bits(f)
	sign, a := uint16(u>>16&0x8000), u&0x7fffffff
	switch {
	case a > 0x7f800000:
		return sign | 0x7e00 | uint16(a>>13&0x3ff)
	case a >= 0x477ff000: // 65520
		return sign | 0x7c00
	case a < 0x38800000: // 2^-14; the numbers from 0.5 to 1 are 2^-24 apart, as those are here
		return sign | uint16(math.Float32bits(math.Float32frombits(a)+0.5)-math.Float32bits(0.5))
	}
	return sign | uint16((a+0xfff+a>>13&1-(127-15)<<23)>>13)
}

// FromF16 is the value of a half-precision number, which float32 holds exactly.
func FromF16(h uint16) float32 {
	sign, a := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	switch {
	case a > 0x1f<<23:
		return math.Float32frombits(sign | 0x7fc00000 | a)
	case a == 0x1f<<23:
		return math.Float32frombits(sign | 0x7f800000)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(a)*0x1p112)) // the difference of the exponents' biases
}

// Lossless is the smallest storage that has each of the numbers as it is: F16, BF16, or else F32. Products of a matrix
// packed in it are those of F32, bit for bit.
func (on Workers) Lossless(w []float32) Kind {
	switch {
	case on.each(w, inF16):
		return F16
	case on.each(w, inBF16):
		return BF16
	}
	return F32
}

// each says that f holds for all parts of w. It stops early where it does not.
func (on Workers) each(w []float32, f func(w []float32) bool) bool {
	const grain = 1 << 14
	if !f(w[:min(len(w), 64)]) {
		return false
	}
	var not atomic.Bool
	on.Rows(len(w), grain, func(lo, hi int) {
		if !not.Load() && !f(w[lo:hi]) {
			not.Store(true)
		}
	})
	return !not.Load()
}

// inF16 says that half precision has all of the numbers. Those that would be subnormal are compared one by one.
func inF16(w []float32) bool {
	for _, v := range w {
		u := math.Float32bits(v)
		if u&0x1fff == 0 && u&0x7fffffff-0x38800000 < 0x47800000-0x38800000 {
			continue
		}
		if math.Float32bits(FromF16(ToF16(v))) != u {
			return false
		}
	}
	return true
}

// inBF16 leaves NaN out, of which ToBF16 makes another one.
func inBF16(w []float32) bool {
	for _, v := range w {
		if v != v || math.Float32bits(v)&0xffff != 0 {
			return false
		}
	}
	return true
}

// RoundTo rounds each of the numbers to the nearest one that F16 or BF16 has; F32 has them all.
func RoundTo(kind Kind, w []float32) {
	switch kind {
	case F16:
		for i, v := range w {
			w[i] = FromF16(ToF16(v))
		}
	case BF16:
		for i, v := range w {
			w[i] = math.Float32frombits(uint32(ToBF16(v)) << 16)
		}
	}
}

// bf16Narrow undoes bf16Expand, with rounding.
func bf16Narrow(k int, src *float32, b unsafe.Pointer) {
	S, B := fs(src, k*nr), unsafe.Slice((*uint32)(b), k*8)
	for l := range k {
		row, to := (*[nr]float32)(S[l*nr:]), (*[8]uint32)(B[l*8:])
		for i := range to {
			to[i] = uint32(ToBF16(row[i])) | uint32(ToBF16(row[8+i]))<<16
		}
	}
}

func f16NarrowGo(k int, src *float32, b unsafe.Pointer) {
	S, B := fs(src, k*nr), unsafe.Slice((*uint32)(b), k*8)
	for i := range B {
		B[i] = uint32(ToF16(S[2*i])) | uint32(ToF16(S[2*i+1]))<<16
	}
}

func f16ExpandGo(k int, b unsafe.Pointer, dst *float32) {
	B, D := unsafe.Slice((*uint32)(b), k*8), fs(dst, k*nr)
	for i, u := range B {
		D[2*i], D[2*i+1] = FromF16(uint16(u)), FromF16(uint16(u>>16))
	}
}

// gemvF16Go is gemvF32 of what is expanded.
func gemvF16Go(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int) {
	t := getFloats(2 * k * nr)
	defer floatPool.Put(t)
	f16Expand(k, b, &(*t)[0])
	f16Expand(k, unsafe.Add(b, stride), &(*t)[k*nr])
	gemvF32(k, x, unsafe.Pointer(&(*t)[0]), k*nr*4, y, acc)
}
