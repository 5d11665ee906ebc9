package jpeg

// Multiples of cosines in 13 bits, and how far sums are shifted back after each pass.
const (
	constBits  = 13
	extraBits  = 2 // kept between the passes
	firstShift = constBits - extraBits
	lastShift  = constBits + extraBits + 3

	c0298, c0390, c0541, c0765 = 2446, 3196, 4433, 6270
	c0899, c1175, c1501, c1847 = 7373, 9633, 12299, 15137
	c1961, c2053, c2562, c3072 = 16069, 16819, 20995, 25172
)

// eight transforms eight values, without shifting back. Sums of two inputs have 16 bits, as in the vector code
// of libjpeg-turbo, which shows with values that no encoder makes.
func eight(i0, i1, i2, i3, i4, i5, i6, i7 int32) (o [8]int32) {
	e := (i2 + i6) * c0541
	low, high := e-i6*c1847, e+i2*c0765
	sum, diff := int32(int16(i0+i4))<<constBits, int32(int16(i0-i4))<<constBits
	e0, e3, e1, e2 := sum+high, sum-high, diff+low, diff-low

	z3, z4 := int32(int16(i7+i3)), int32(int16(i5+i1))
	z5 := (z3 + z4) * c1175
	z1, z2 := (i7+i1)*-c0899, (i5+i3)*-c2562
	z3, z4 = z3*-c1961+z5, z4*-c0390+z5
	d0, d1 := i7*c0298+z1+z3, i5*c2053+z2+z4
	d2, d3 := i3*c3072+z2+z3, i1*c1501+z1+z4
	return [8]int32{e0 + d3, e1 + d2, e2 + d1, e3 + d0, e3 - d0, e2 - d1, e1 - d2, e0 - d3}
}

// idctPlain is idct in Go.
func idctPlain(b *[64]int16, q *[64]uint16, out []uint8, stride int) {
	var ws [64]int32
	flat := true // nothing but the first row
	for x := range 8 {
		at := func(y int) int32 { return int32(int16(int32(b[8*y+x]) * int32(q[8*y+x]))) }
		if b[8+x]|b[16+x]|b[24+x]|b[32+x]|b[40+x]|b[48+x]|b[56+x] == 0 {
			v := saturate(at(0) << extraBits)
			for y := range 8 {
				ws[8*y+x] = v
			}
			continue
		}
		flat = false
		o := eight(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
		for y, v := range o {
			ws[8*y+x] = saturate((v + 1<<(firstShift-1)) >> firstShift)
		}
	}
	for y := range 8 {
		row := out[y*stride:][:8]
		if flat && y > 0 {
			copy(row, out[:8])
			continue
		}
		w := ws[8*y:][:8]
		if w[1]|w[2]|w[3]|w[4]|w[5]|w[6]|w[7] == 0 {
			v := sample((w[0] + 1<<(extraBits+2)) >> (extraBits + 3))
			for x := range row {
				row[x] = v
			}
			continue
		}
		o := eight(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
		for x, v := range o {
			row[x] = sample((v + 1<<(lastShift-1)) >> lastShift)
		}
	}
}

// saturate clips to 16 bits.
func saturate(v int32) int32 { return min(max(v, -1<<15), 1<<15-1) }

// sample brings a value around zero to a byte.
func sample(v int32) uint8 { return clamp(v + 128) }

func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}
