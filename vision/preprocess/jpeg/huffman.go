package jpeg

import "fmt"

// lookBits is how many bits are looked up at once.
const lookBits = 9

// huffman is a table (annex C). A code of more than lookBits bits is found by comparing.
type huffman struct {
	look    [1 << lookBits]uint16 // length << 8 | symbol; 0: longer
	symbols []uint8
	limit   [18]uint32 // limit[n]: the codes of n bits, left-aligned in 16 bits, are below; limit[17] is above everything
	offset  [17]int32  // symbol index of a code of n bits less the code
}

// readHuffman reads tables (B.2.4.2).
func (d *decoder) readHuffman(s []byte) error {
	for len(s) > 0 {
		class, id := s[0]>>4, s[0]&15
		if class > 1 || id > 3 {
			return fmt.Errorf("Huffman table %d of class %d, want 0 to 3 of 0 or 1", id, class)
		}
		if len(s) < 17 {
			return fmt.Errorf("Huffman table %d has %d bytes, want at least 17", id, len(s))
		}
		n := 0
		for _, v := range s[1:17] {
			n += int(v)
		}
		if n > 256 || len(s) < 17+n {
			return fmt.Errorf("Huffman table %d has %d codes in %d bytes", id, n, len(s)-17)
		}
		t, err := newHuffman(s[1:17], s[17:17+n])
		if err != nil {
			return fmt.Errorf("Huffman table %d: %w", id, err)
		}
		if class == 0 {
			for _, v := range t.symbols {
				if v > 15 {
					return fmt.Errorf("Huffman table %d has DC category %d, want at most 15", id, v)
				}
			}
			d.dc[id] = t
		} else {
			d.ac[id] = t
		}
		s = s[17+n:]
	}
	return nil
}

func newHuffman(counts, symbols []uint8) (*huffman, error) {
	t := &huffman{symbols: symbols}
	code, k := uint32(0), 0
	for n := 1; n <= 16; n++ {
		t.offset[n] = int32(k) - int32(code)
		for range counts[n-1] {
			if code+1 >= 1<<n { // none is all ones
				return nil, fmt.Errorf("more codes than %d bits have", n)
			}
			if n <= lookBits {
				first := code << (lookBits - n)
				for i := range uint32(1) << (lookBits - n) {
					t.look[first+i] = uint16(n)<<8 | uint16(symbols[k])
				}
			}
			code++
			k++
		}
		t.limit[n] = code << (16 - n)
		code <<= 1
	}
	t.limit[17] = 1 << 16
	return t, nil
}

// bits reads entropy-coded data (F.2.2.5) up to the next marker. Behind it come zeros, so that nothing needs to be checked bit
// by bit; over tells when they have been used.
type bits struct {
	b      []byte
	pos    int
	acc    uint64 // the next bit is the highest of the low n
	n      uint
	padded uint // how many of the n are made up
}

// fill makes at least 56 bits ready.
func (r *bits) fill() {
	for r.n <= 56 {
		var v byte
		switch {
		case r.pos < len(r.b) && r.b[r.pos] != 0xff:
			v = r.b[r.pos]
			r.pos++
		case r.pos+1 < len(r.b) && r.b[r.pos+1] == 0:
			v = 0xff
			r.pos += 2
		default:
			r.padded += 8
		}
		r.acc = r.acc<<8 | uint64(v)
		r.n += 8
	}
}

// over tells whether made-up bits were used.
func (r *bits) over() bool { return r.n < r.padded }

// take returns the next n bits, at most 16. The caller has seen to it that they are there.
func (r *bits) take(n uint) uint32 {
	r.n -= n
	return uint32(r.acc>>r.n) & (1<<n - 1)
}

// symbol decodes one code. No code is longer than 16 bits; it is -1 for bits that are no code.
func (r *bits) symbol(t *huffman) int {
	if r.n < 32 {
		r.fill()
	}
	if e := t.look[uint32(r.acc>>(r.n-lookBits))&(1<<lookBits-1)]; e != 0 {
		r.n -= uint(e >> 8)
		return int(e & 0xff)
	}
	next := uint32(r.acc>>(r.n-16)) & 0xffff
	n := lookBits + 1
	for next >= t.limit[n] {
		n++
	}
	if n > 16 {
		return -1
	}
	r.n -= uint(n)
	return int(t.symbols[int32(next>>(16-n))+t.offset[n]])
}

// value takes the n bits that follow a category and extends their sign (F.2.2.1). symbol has left at least 16.
func (r *bits) value(n uint) int32 {
	if n == 0 {
		return 0
	}
	v := int32(r.take(n))
	if v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v
}

// bit takes one.
func (r *bits) bit() bool {
	if r.n < 1 {
		r.fill()
	}
	return r.take(1) == 1
}

// reset begins again behind a marker.
func (r *bits) reset(pos int) { r.pos, r.acc, r.n, r.padded = pos, 0, 0, 0 }
