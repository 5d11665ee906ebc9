package gguf

import (
	"encoding/binary"
	"math"

	"moslava/internal/safetensors"
)

// Every product is rounded to float32 before it is added to, as numpy does it: a conversion keeps compilers of some
// processors from fusing the two.

func half(b []byte) float32 { return safetensors.Float16frombits(binary.LittleEndian.Uint16(b)) }

func expandF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func expandF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = half(src[2*i:])
	}
}

func expandBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = safetensors.BFloat16frombits(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// blocks calls f for each block with its elements and its bytes.
func blocks(dst []float32, src []byte, elements, bytes int, f func(out []float32, in []byte)) {
	for len(dst) > 0 {
		f(dst[:elements], src[:bytes])
		dst, src = dst[elements:], src[bytes:]
	}
}

// A block of Q4_0 is a scale and 32 numbers of 4 bits: the first 16 in the low halves of the bytes, the others in the
// high ones.
func expandQ4_0(dst []float32, src []byte) {
	blocks(dst, src, 32, 18, func(out []float32, in []byte) {
		d := half(in)
		for i, b := range in[2:] {
			out[i] = d * float32(int(b&15)-8)
			out[i+16] = d * float32(int(b>>4)-8)
		}
	})
}

// Q4_1 has a minimum besides.
func expandQ4_1(dst []float32, src []byte) {
	blocks(dst, src, 32, 20, func(out []float32, in []byte) {
		d, m := half(in), half(in[2:])
		for i, b := range in[4:] {
			out[i] = float32(d*float32(b&15)) + m
			out[i+16] = float32(d*float32(b>>4)) + m
		}
	})
}

// Q5_0 and Q5_1 keep the fifth bits together, 32 of them before the halves.
func expandQ5_0(dst []float32, src []byte) {
	blocks(dst, src, 32, 22, func(out []float32, in []byte) {
		d, high := half(in), binary.LittleEndian.Uint32(in[2:])
		for i, b := range in[6:] {
			out[i] = d * float32(int(b&15)|int(high>>i&1)<<4-16)
			out[i+16] = d * float32((int(b>>4)|int(high>>(i+16)&1)<<4)-16)
		}
	})
}

func expandQ5_1(dst []float32, src []byte) {
	blocks(dst, src, 32, 24, func(out []float32, in []byte) {
		d, m, high := half(in), half(in[2:]), binary.LittleEndian.Uint32(in[4:])
		for i, b := range in[8:] {
			out[i] = float32(d*float32(int(b&15)|int(high>>i&1)<<4)) + m
			out[i+16] = float32(d*float32(int(b>>4)|int(high>>(i+16)&1)<<4)) + m
		}
	})
}

func expandQ8_0(dst []float32, src []byte) {
	blocks(dst, src, 32, 34, func(out []float32, in []byte) {
		d := half(in)
		for i, b := range in[2:] {
			out[i] = float32(int8(b)) * d
		}
	})
}

// scaleMin is the scale and the minimum of 6 bits each of the i-th of 8 parts of a block of Q4_K or Q5_K.
func scaleMin(packed []byte, i int) (scale, minimum float32) {
	if i < 4 {
		return float32(packed[i] & 63), float32(packed[i+4] & 63)
	}
	shared := packed[i+4]
	return float32(shared&15 | packed[i-4]>>2&48), float32(shared>>4 | packed[i]>>2&48)
}

// A block of Q4_K is 8 parts of 32 with scales and minima of their own, which have a common scale each; two parts share
// 32 bytes.
func expandQ4_K(dst []float32, src []byte) {
	blocks(dst, src, 256, 144, func(out []float32, in []byte) {
		d, dmin := half(in), half(in[2:])
		for part := range 8 {
			s, m := scaleMin(in[4:16], part)
			scale, low := d*s, dmin*m
			for i, b := range in[16+part/2*32:][:32] {
				out[32*part+i] = float32(scale*float32(b>>(part%2*4)&15)) - low
			}
		}
	})
}

// Q5_K keeps the fifth bits of part p in bit p of 32 bytes.
func expandQ5_K(dst []float32, src []byte) {
	blocks(dst, src, 256, 176, func(out []float32, in []byte) {
		d, dmin := half(in), half(in[2:])
		high := in[16:48]
		for part := range 8 {
			s, m := scaleMin(in[4:16], part)
			scale, low := d*s, dmin*m
			for i, b := range in[48+part/2*32:][:32] {
				q := b>>(part%2*4)&15 | high[i]>>part&1<<4
				out[32*part+i] = float32(scale*float32(q)) - low
			}
		}
	})
}

// A block of Q6_K is 16 parts of 16 with scales of 8 bits. Elements come in two halves of 128, four rows of 32 each: the
// low 4 bits of rows 0 and 2 share bytes, those of 1 and 3 as well, and the high 2 bits of all four.
func expandQ6_K(dst []float32, src []byte) {
	blocks(dst, src, 256, 210, func(out []float32, in []byte) {
		low, high, scales, d := in[:128], in[128:192], in[192:208], half(in[208:])
		for i := range out {
			h, row, col := i/128, i/32%4, i%32
			q := low[64*h+32*(row%2)+col] >> (row / 2 * 4) & 15
			q |= high[32*h+col] >> (2 * row) & 3 << 4
			out[i] = float32(d*float32(int8(scales[i/16]))) * float32(int(q)-32)
		}
	})
}
