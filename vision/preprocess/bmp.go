package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Compressions of BMP.
const (
	bmpRaw, bmpRLE8, bmpRLE4, bmpMasks = 0, 1, 2, 3
)

// bmpHeader is what Pillow's BmpImagePlugin reads.
type bmpHeader struct {
	w, h        int
	topDown     bool
	bits        int
	compression uint32
	palette     []uint8 // as stored: blue, green, red and perhaps one more
	entry       int     // bytes of a colour of it
	masks       [4]uint32
	data        int // where pixels begin
}

var errBMP = errors.New("cut off in its header")

func readBMPHeader(b []byte) (p bmpHeader, err error) {
	const file = 14
	if len(b) < file+4 {
		return p, errBMP
	}
	p.data = int(binary.LittleEndian.Uint32(b[10:]))
	size := int(binary.LittleEndian.Uint32(b[file:]))
	colours := 0
	switch size {
	case 12, 40, 52, 56, 64, 108, 124:
	default:
		return p, fmt.Errorf("a header of %d bytes, want 12, 40, 52, 56, 64, 108 or 124", size)
	}
	if len(b) < file+size {
		return p, errBMP
	}
	head, rest := b[file:file+size], b[file+size:]
	if size == 12 {
		p.w, p.h = int(binary.LittleEndian.Uint16(head[4:])), int(binary.LittleEndian.Uint16(head[6:]))
		p.bits, p.entry = int(binary.LittleEndian.Uint16(head[10:])), 3
	} else {
		p.w, p.h = int(int32(binary.LittleEndian.Uint32(head[4:]))), int(int32(binary.LittleEndian.Uint32(head[8:])))
		if p.h < 0 {
			p.h, p.topDown = -p.h, true
		}
		p.bits, p.entry = int(binary.LittleEndian.Uint16(head[14:])), 4
		p.compression = binary.LittleEndian.Uint32(head[16:])
		colours = int(binary.LittleEndian.Uint32(head[32:]))
	}
	if rest, err = p.readMasks(head, rest); err != nil {
		return p, err
	}
	return p, p.readPalette(size, colours, b, rest)
}

// readMasks checks depth and compression and returns what follows the masks.
func (p *bmpHeader) readMasks(head, rest []byte) ([]byte, error) {
	ok := false
	switch p.compression {
	case bmpRaw:
		ok = p.bits == 1 || p.bits == 4 || p.bits == 8 || p.bits == 16 || p.bits == 24 || p.bits == 32
	case bmpRLE8:
		ok = p.bits == 8
	case bmpRLE4:
		ok = p.bits == 4
	case bmpMasks:
		ok = p.bits == 16 || p.bits == 24 || p.bits == 32
	}
	if !ok {
		return nil, fmt.Errorf("%d bits a pixel with compression %d, which is not read", p.bits, p.compression)
	}
	if p.compression != bmpMasks {
		return rest, nil
	}
	from, n := head[min(len(head), 40):], 3
	if len(head) >= 56 {
		n = 4
	} else if len(head) < 52 {
		from = rest
	}
	if len(from) < 4*n {
		return nil, errBMP
	}
	for i := range n {
		p.masks[i] = binary.LittleEndian.Uint32(from[4*i:])
	}
	if len(head) < 52 {
		rest = rest[12:]
	}
	return rest, nil
}

// readPalette finds palette and pixels.
func (p *bmpHeader) readPalette(size, colours int, b, rest []byte) error {
	if colours == 0 && p.bits <= 8 {
		colours = 1 << p.bits
	}
	if p.bits <= 8 {
		if colours > 1<<16 {
			return fmt.Errorf("a palette of %d colours", colours)
		}
		if len(rest) < p.entry*colours {
			return errBMP
		}
		p.palette, rest = rest[:p.entry*colours], rest[p.entry*colours:]
		if p.data == 14+size { // written by programs that forget the palette
			p.data += len(p.palette)
		}
	}
	if p.data == 0 {
		p.data = len(b) - len(rest)
	}
	if p.data > len(b) {
		return errBMP
	}
	return nil
}

func sizeBMP(b []byte) (w, h int, err error) {
	p, err := readBMPHeader(b)
	return p.w, p.h, err
}

// readBMP reads what Pillow reads. Pixels beyond the end of the palette are grey, as there.
func readBMP(b []byte) (*RGB, []uint8, error) {
	p, err := readBMPHeader(b)
	if err != nil {
		return nil, nil, err
	}
	if p.compression == bmpRLE8 || p.compression == bmpRLE4 {
		indices, err := p.runs(b)
		if err != nil {
			return nil, nil, err
		}
		m := NewRGB(p.w, p.h)
		p.lookUp(m, func(x, y int) uint8 { return indices[y*p.w+x] })
		return m, nil, nil
	}
	stride := (p.w*p.bits + 31) / 32 * 4
	data := b[p.data:]
	if need := (p.h-1)*stride + (p.w*p.bits+7)/8; len(data) < need {
		return nil, nil, fmt.Errorf("cut off: %d bytes of pixels, want %d", len(data), need)
	}
	m := NewRGB(p.w, p.h)
	if p.bits <= 8 {
		mask := uint8(1<<p.bits - 1)
		p.lookUp(m, func(x, y int) uint8 {
			bit := x * p.bits
			return data[y*stride+bit/8] >> (8 - p.bits - bit%8) & mask
		})
		return m, nil, nil
	}
	if p.bits == 16 {
		return m, nil, p.deep(m, data, stride)
	}
	return p.bytes(m, data, stride)
}

// row is where row y of the file goes.
func (p *bmpHeader) row(m *RGB, y int) []uint8 {
	if !p.topDown {
		y = p.h - 1 - y
	}
	return m.row(y)
}

// lookUp sets pixels by the palette. An index beyond it is black, as in Pillow; beyond one that says nothing but that the index is the
// level of grey, it is that.
func (p *bmpHeader) lookUp(m *RGB, index func(x, y int) uint8) {
	var table [256][3]uint8
	n, ramp := min(len(p.palette)/p.entry, len(table)), true
	for i := range n {
		c := p.palette[i*p.entry:]
		table[i] = [3]uint8{c[2], c[1], c[0]}
		ramp = ramp && table[i] == grey(i)
	}
	for i := n; i < len(table) && ramp; i++ {
		table[i] = grey(i)
	}
	for y := range p.h {
		d := p.row(m, y)
		for x := range p.w {
			copy(d[3*x:3*x+3], table[index(x, y)][:])
		}
	}
}

func grey(v int) [3]uint8 { return [3]uint8{uint8(v), uint8(v), uint8(v)} }

// deep reads 16 bits a pixel: 5 each, or 6 of green.
func (p *bmpHeader) deep(m *RGB, data []byte, stride int) error {
	green := 5
	if p.compression == bmpMasks {
		switch [3]uint32(p.masks[:3]) {
		case [3]uint32{0xf800, 0x7e0, 0x1f}:
			green = 6
		case [3]uint32{0x7c00, 0x3e0, 0x1f}:
		default:
			return fmt.Errorf("16 bits a pixel with masks %x, which is not read", p.masks[:3])
		}
	}
	top := 1<<green - 1
	for y := range p.h {
		s, d := data[y*stride:], p.row(m, y)
		for x := range p.w {
			v := int(s[2*x]) | int(s[2*x+1])<<8
			d[3*x] = uint8(v >> (5 + green) & 31 * 255 / 31)
			d[3*x+1] = uint8(v >> 5 & top * 255 / top)
			d[3*x+2] = uint8(v & 31 * 255 / 31)
		}
	}
	return nil
}

// bytes reads 24 and 32 bits a pixel; alpha counts only where a mask names it.
func (p *bmpHeader) bytes(m *RGB, data []byte, stride int) (*RGB, []uint8, error) {
	at := [4]int{2, 1, 0, -1} // of red, green, blue and alpha
	if p.compression == bmpMasks && p.masks == [4]uint32{} {
		at[3] = 3
	} else if p.compression == bmpMasks {
		for i, mask := range p.masks {
			at[i] = byteOf(mask)
		}
		if p.bits == 24 {
			at[3] = -1
		}
		if min(at[0], at[1], at[2]) < 0 || max(at[0], at[1], at[2], at[3]) >= p.bits/8 || at[3] < 0 && p.masks[3] != 0 && p.bits == 32 {
			return nil, nil, fmt.Errorf("%d bits a pixel with masks %x, which is not read", p.bits, p.masks)
		}
	}
	var alpha []uint8
	if at[3] >= 0 {
		alpha = make([]uint8, p.w*p.h)
	}
	n := p.bits / 8
	for y := range p.h {
		s, d := data[y*stride:], p.row(m, y)
		for x := range p.w {
			q := s[n*x : n*x+n]
			d[3*x], d[3*x+1], d[3*x+2] = q[at[0]], q[at[1]], q[at[2]]
		}
		if alpha == nil {
			continue
		}
		to := y
		if !p.topDown {
			to = p.h - 1 - y
		}
		for x := range p.w {
			alpha[to*p.w+x] = s[n*x+at[3]]
		}
	}
	return m, alpha, nil
}

// byteOf is which byte of a little-endian number a mask takes out, or -1.
func byteOf(mask uint32) int {
	for i := range 4 {
		if mask == 0xff<<(8*i) {
			return i
		}
	}
	return -1
}
