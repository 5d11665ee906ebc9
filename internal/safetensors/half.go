package safetensors

import "math"

// Float16bits returns the IEEE 754 half-precision number nearest to f, ties to
// even, as torch's float-to-half cast does. Values of 65520 and above become
// infinite, NaNs stay NaN and keep the leading bits of their payload.
func Float16bits(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits>>16) & 0x8000
	abs := bits & 0x7fffffff
	switch {
	case abs > 0x7f800000: // NaN: the quiet bit keeps it from turning into infinity
		return sign | 0x7e00 | uint16(abs>>13)&0x1ff
	case abs >= 0x477ff000: // 65520, half-way from the largest finite half to 2^16
		return sign | 0x7c00
	case abs >= 0x38800000: // 2^-14, the smallest normal half
		// Rebias the exponent from 127 to 15; a carry out of the mantissa
		// correctly moves on to the next exponent.
		return sign | uint16(roundShift(abs-(127-15)<<23, 13))
	case abs < 0x33000000: // below 2^-25, half the smallest subnormal half
		return sign
	}
	// Subnormal: in units of 2^-24, with the implicit bit made explicit.
	mantissa := abs&0x7fffff | 0x800000
	return sign | uint16(roundShift(mantissa, 126-abs>>23))
}

// Float16frombits returns the value of an IEEE 754 half-precision number,
// which float32 holds exactly.
func Float16frombits(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, mantissa := uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exp {
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	case 0: // zero and subnormals: mantissa * 2^-24 is a normal float32
		v := float32(mantissa) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | mantissa<<13)
}

// BFloat16bits returns the bfloat16 nearest to f, ties to even, as torch's
// cast does. Values that round above the largest finite bfloat16 become
// infinite; NaNs stay NaN.
func BFloat16bits(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 0x40
	}
	return uint16(roundShift(bits, 16))
}

// BFloat16frombits returns the value of a bfloat16, which float32 holds
// exactly.
func BFloat16frombits(b uint16) float32 {
	return math.Float32frombits(uint32(b) << 16)
}

// roundShift returns v / 2^n rounded to the nearest integer, ties to even, for
// n from 1 to 24 and v small enough not to overflow.
func roundShift(v, n uint32) uint32 {
	odd := v >> n & 1
	return (v + 1<<(n-1) - 1 + odd) >> n
}
