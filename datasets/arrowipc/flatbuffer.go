package arrowipc

import "encoding/binary"

// A flat reads one flatbuffer without trusting it: a position outside the
// buffer sets bad and reads as zero, so a walk is checked once at its end.
type flat struct {
	b   []byte
	bad bool
}

func (f *flat) ok(p, n int) bool {
	if f.bad || p < 0 || n < 0 || p > len(f.b) || n > len(f.b)-p {
		f.bad = true
		return false
	}
	return true
}

func (f *flat) u8(p int) byte {
	if !f.ok(p, 1) {
		return 0
	}
	return f.b[p]
}

func (f *flat) u16(p int) uint16 {
	if !f.ok(p, 2) {
		return 0
	}
	return binary.LittleEndian.Uint16(f.b[p:])
}

func (f *flat) u32(p int) uint32 {
	if !f.ok(p, 4) {
		return 0
	}
	return binary.LittleEndian.Uint32(f.b[p:])
}

func (f *flat) i64(p int) int64 {
	if !f.ok(p, 8) {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(f.b[p:]))
}

// follow adds the unsigned offset stored at p to p.
func (f *flat) follow(p int) int {
	off := f.u32(p)
	if uint64(off) > uint64(len(f.b)) || off == 0 {
		f.bad = true
		return 0
	}
	return p + int(off)
}

// root is the position of the buffer's outermost table.
func (f *flat) root() int { return f.follow(0) }

// field is the position of field i of the table at tab, or 0 when it is absent.
func (f *flat) field(tab, i int) int {
	back := int64(int32(f.u32(tab)))
	vt := int64(tab) - back
	if vt < 0 || vt > int64(len(f.b)) {
		f.bad = true
		return 0
	}
	size := int(f.u16(int(vt)))
	at := 4 + 2*i
	if f.bad || at+2 > size {
		return 0
	}
	off := f.u16(int(vt) + at)
	if off == 0 {
		return 0
	}
	return tab + int(off)
}

// sub is the table that field i of tab refers to, or 0.
func (f *flat) sub(tab, i int) int {
	p := f.field(tab, i)
	if p == 0 {
		return 0
	}
	return f.follow(p)
}

// vector is where the elements of the vector in field i of tab start and how
// many there are; n elements of the given size are known to fit the buffer.
func (f *flat) vector(tab, i, size int) (start, n int) {
	p := f.sub(tab, i)
	if p == 0 {
		return 0, 0
	}
	count := f.u32(p)
	if f.bad || uint64(count)*uint64(size) > uint64(len(f.b)) {
		f.bad = true
		return 0, 0
	}
	if !f.ok(p+4, int(count)*size) {
		return 0, 0
	}
	return p + 4, int(count)
}

func (f *flat) u8Field(tab, i int) byte {
	if p := f.field(tab, i); p != 0 {
		return f.u8(p)
	}
	return 0
}

func (f *flat) u16Field(tab, i int) uint16 {
	if p := f.field(tab, i); p != 0 {
		return f.u16(p)
	}
	return 0
}

func (f *flat) i32Field(tab, i int) int32 {
	if p := f.field(tab, i); p != 0 {
		return int32(f.u32(p))
	}
	return 0
}

func (f *flat) i64Field(tab, i int) int64 {
	if p := f.field(tab, i); p != 0 {
		return f.i64(p)
	}
	return 0
}
