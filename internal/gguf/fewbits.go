package gguf

import "encoding/binary"

// twoBits is element i of a block of 256 with 2 bits each: two halves of 128, each four rows of 32 that share bytes.
func twoBits(in []byte, i int) byte { return in[i/128*32+i%32] >> (i / 32 % 4 * 2) & 3 }

// A block of Q2_K is 16 parts of 16, each with a scale and a minimum of 4 bits, which have a common scale each.
func expandQ2_K(dst []float32, src []byte) {
	blocks(dst, src, 256, 84, func(out []float32, in []byte) {
		scales, d, dmin := in[:16], half(in[80:]), half(in[82:])
		for i := range out {
			s := scales[i/16]
			scale, low := d*float32(s&15), dmin*float32(s>>4)
			out[i] = float32(scale*float32(twoBits(in[16:80], i))) - low
		}
	})
}

// A block of Q3_K is 16 parts of 16 with scales of 6 bits, of which the upper 2 lie apart. The third bits of row r of 32 are bit r of the first 32 bytes; one that
// is not set subtracts 4.
func expandQ3_K(dst []float32, src []byte) {
	blocks(dst, src, 256, 110, func(out []float32, in []byte) {
		high, packed, d := in[:32], in[96:108], half(in[108:])
		for i := range out {
			part := i / 16
			s := int(packed[part%8]>>(part/8*4)&15 | packed[8+part%4]>>(part/4*2)&3<<4)
			q := int(twoBits(in[32:96], i))
			if high[i%32]>>(i/32)&1 == 0 {
				q -= 4
			}
			out[i] = float32(d*float32(s-32)) * float32(q)
		}
	})
}

// unevenly are the values of numbers of 4 bits in IQ4_NL and IQ4_XS.
var unevenly = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// IQ4_NL is Q4_0 with other values.
func expandIQ4_NL(dst []float32, src []byte) {
	blocks(dst, src, 32, 18, func(out []float32, in []byte) {
		d := half(in)
		for i, b := range in[2:] {
			out[i] = d * unevenly[b&15]
			out[i+16] = d * unevenly[b>>4]
		}
	})
}

// A block of IQ4_XS is 8 parts of 32 like IQ4_NL's with scales of 6 bits, of which the upper 2 lie apart.
func expandIQ4_XS(dst []float32, src []byte) {
	blocks(dst, src, 256, 136, func(out []float32, in []byte) {
		d, high := half(in), int(binary.LittleEndian.Uint16(in[2:]))
		for part := range 8 {
			s := int(in[4+part/2]>>(part%2*4)&15) | high>>(2*part)&3<<4
			scale := d * float32(s-32)
			for i, b := range in[8+16*part:][:16] {
				out[32*part+i] = scale * unevenly[b&15]
				out[32*part+16+i] = scale * unevenly[b>>4]
			}
		}
	})
}
