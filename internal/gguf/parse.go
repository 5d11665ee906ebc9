package gguf

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of ggml (gguf.h, ggml.h); names may be longer than its 63 bytes, which nothing here depends on.
const (
	magic            = "GGUF"
	maxDims          = 4
	maxName          = 1 << 10
	maxKey           = 1<<16 - 1
	defaultAlignment = 32
	alignmentKey     = "general.alignment"
)

// parse reads the header of a whole file. What it leaves in f can be relied on: every tensor lies inside of the data, has
// the size its shape and type ask for, and none overlaps another.
func (f *File) parse(file []byte) error {
	r := &reader{data: file}
	tensors, values, err := r.opening()
	if err != nil {
		return err
	}
	for i := range values {
		key, err := r.text(maxKey)
		if err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
		if _, taken := f.values[key]; taken {
			return fmt.Errorf("key %q occurs twice", key)
		}
		v, err := r.value()
		if err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		f.values[key], f.keys = v, append(f.keys, key)
	}
	align, err := f.alignment()
	if err != nil {
		return err
	}
	all := make([]*Info, 0, min(tensors, len(file)/24))
	for i := range tensors {
		t, err := r.tensor(align)
		if err != nil {
			return fmt.Errorf("tensor %d: %w", i, err)
		}
		if f.tensors[t.Name] != nil {
			return fmt.Errorf("tensor %q occurs twice", t.Name)
		}
		f.tensors[t.Name], f.names, all = t, append(f.names, t.Name), append(all, t)
	}
	start := (r.at + align - 1) / align * align
	if start > len(file) {
		start = len(file) // a file without tensors need not be padded
	}
	f.data = file[start:]
	return checkLayout(all, len(f.data))
}

// checkLayout makes sure that tensors lie inside of the data and do not overlap.
func checkLayout(all []*Info, size int) error {
	slices.SortStableFunc(all, func(a, b *Info) int { return cmp.Compare(a.begin, b.begin) })
	end, before := 0, ""
	for _, t := range all {
		if t.begin > size || t.bytes > size-t.begin {
			return fmt.Errorf("tensor %q: bytes %d to %d of the data, which has %d: truncated?", t.Name, t.begin, t.begin+t.bytes, size)
		}
		if t.begin < end {
			return fmt.Errorf("tensors %q and %q overlap at byte %d of the data", before, t.Name, t.begin)
		}
		end, before = t.begin+t.bytes, t.Name
	}
	return nil
}

// alignment is what offsets are multiples of.
func (f *File) alignment() (int, error) {
	v, ok := f.values[alignmentKey]
	if !ok {
		return defaultAlignment, nil
	}
	if v.Array || v.Type != Uint32 || v.bits[0] == 0 || v.bits[0]&(v.bits[0]-1) != 0 || v.bits[0] > 1<<20 {
		return 0, fmt.Errorf("%s is %s, a uint32 that is a power of two up to 1048576 expected", alignmentKey, v)
	}
	return int(v.bits[0]), nil
}

// reader goes through the header. Sizes are compared with what is left of the file before memory is taken.
type reader struct {
	data []byte
	at   int
}

var errShort = errors.New("the file ends in the header: truncated?")

func (r *reader) take(n int) ([]byte, error) {
	if n > len(r.data)-r.at {
		return nil, errShort
	}
	b := r.data[r.at : r.at+n]
	r.at += n
	return b, nil
}

func (r *reader) uint32() (uint32, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *reader) uint64() (uint64, error) {
	b, err := r.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// count reads how many things follow that take at least size bytes each.
func (r *reader) count(what string, size int) (int, error) {
	n, err := r.uint64()
	if err != nil {
		return 0, err
	}
	if left := len(r.data) - r.at; n > uint64(left/size) {
		return 0, fmt.Errorf("%d %s, but %d bytes are left in the file: truncated or damaged?", n, what, left)
	}
	return int(n), nil
}

// opening reads what stands before the keys.
func (r *reader) opening() (tensors, values int, err error) {
	b, err := r.take(len(magic))
	if err != nil || string(b) != magic {
		if bytes.HasPrefix(r.data, []byte("version https://git-lfs")) {
			return 0, 0, errors.New("a Git LFS pointer, not the model it stands for (fetch the file with git lfs pull)")
		}
		return 0, 0, fmt.Errorf("%q found, %q expected: not a GGUF file", r.data[:min(len(magic), len(r.data))], magic)
	}
	version, err := r.uint32()
	if err != nil {
		return 0, 0, err
	}
	switch {
	case version&0xffff == 0 && version != 0:
		return 0, 0, errors.New("a big-endian file; only little-endian ones are read")
	case version != 2 && version != 3:
		return 0, 0, fmt.Errorf("version %d found, 2 or 3 expected", version)
	}
	nTensors, err := r.uint64()
	if err != nil {
		return 0, 0, err
	}
	if values, err = r.count("keys", 13); err != nil {
		return 0, 0, err
	}
	if left := len(r.data) - r.at; nTensors > uint64(left/32) {
		return 0, 0, fmt.Errorf("%d tensors, but %d bytes are left in the file: truncated or damaged?", nTensors, left)
	}
	return int(nTensors), values, nil
}

func (r *reader) text(limit int) (string, error) {
	n, err := r.count("bytes of text", 1)
	if err != nil {
		return "", err
	}
	if n > limit {
		return "", fmt.Errorf("a name of %d bytes, at most %d expected: damaged?", n, limit)
	}
	b, err := r.take(n)
	return string(b), err
}

// sizes are the bytes of a value of each type; 0: it says itself.
var sizes = [...]int{Uint8: 1, Int8: 1, Uint16: 2, Int16: 2, Uint32: 4, Int32: 4, Float32: 4, Bool: 1, Uint64: 8, Int64: 8, Float64: 8}

func (r *reader) value() (Value, error) {
	kind, err := r.uint32()
	if err != nil {
		return Value{}, err
	}
	v, n := Value{Type: ValueType(kind)}, 1
	if v.Type == Array {
		v.Array = true
		if kind, err = r.uint32(); err != nil {
			return Value{}, err
		}
		v.Type = ValueType(kind)
		if v.Type == Array {
			return Value{}, errors.New("an array of arrays, which is not supported")
		}
	}
	if v.Type > Float64 {
		return Value{}, fmt.Errorf("%s found, 0 to %d expected", v.Type, Float64)
	}
	size := sizes[v.Type]
	if v.Type == String {
		size = 8 // its length
	}
	if v.Array {
		if n, err = r.count("elements", size); err != nil {
			return Value{}, err
		}
	}
	if v.Type == String {
		v.text = make([]string, n)
		for i := range v.text {
			if v.text[i], err = r.text(math.MaxInt); err != nil {
				return Value{}, err
			}
		}
		return v, nil
	}
	v.bits = make([]uint64, n)
	for i := range v.bits {
		b, err := r.take(size)
		if err != nil {
			return Value{}, err
		}
		v.bits[i] = number(v.Type, b)
		if v.Type == Bool && v.bits[i] > 1 {
			return Value{}, fmt.Errorf("a bool of %d found, 0 or 1 expected", v.bits[i])
		}
	}
	return v, nil
}

// number reads one number as Value keeps it.
func number(t ValueType, b []byte) uint64 {
	switch t {
	case Uint8, Bool:
		return uint64(b[0])
	case Int8:
		return uint64(int8(b[0]))
	case Uint16:
		return uint64(binary.LittleEndian.Uint16(b))
	case Int16:
		return uint64(int16(binary.LittleEndian.Uint16(b)))
	case Uint32:
		return uint64(binary.LittleEndian.Uint32(b))
	case Int32:
		return uint64(int32(binary.LittleEndian.Uint32(b)))
	case Float32:
		return math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}
	return binary.LittleEndian.Uint64(b)
}

// tensor reads the description of a tensor.
func (r *reader) tensor(align int) (*Info, error) {
	name, err := r.text(maxName)
	if err != nil {
		return nil, err
	}
	if name == "" || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return nil, fmt.Errorf("%q is not a possible name", name)
	}
	t, err := r.description(align)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	t.Name = name
	return t, nil
}

func (r *reader) description(align int) (*Info, error) {
	dims, err := r.uint32()
	if err != nil {
		return nil, err
	}
	if dims < 1 || dims > maxDims {
		return nil, fmt.Errorf("%d dimensions, 1 to %d expected", dims, maxDims)
	}
	t := &Info{Shape: make([]int, dims)}
	n := 1
	for i := range t.Shape {
		d, err := r.uint64()
		if err != nil {
			return nil, err
		}
		if d == 0 || d > math.MaxInt32 || n > math.MaxInt/8/int(d) {
			return nil, fmt.Errorf("dimension %d is %d: too many elements, or none", i, d)
		}
		n *= int(d)
		t.Shape[len(t.Shape)-1-i] = int(d)
	}
	kind, err := r.uint32()
	if err != nil {
		return nil, err
	}
	t.Type = Type(kind)
	l, ok := layouts[t.Type]
	if !ok {
		return nil, fmt.Errorf("stored as %s, which is not supported (supported: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K)", t.Type)
	}
	if row := t.Shape[len(t.Shape)-1]; row%l.block != 0 {
		return nil, fmt.Errorf("rows of %d elements are not whole blocks of %d (%s)", row, l.block, t.Type)
	}
	t.bytes = n / l.block * l.bytes
	offset, err := r.uint64()
	if err != nil {
		return nil, err
	}
	if offset%uint64(align) != 0 {
		return nil, fmt.Errorf("offset %d is no multiple of the alignment %d", offset, align)
	}
	if offset > math.MaxInt/2 {
		return nil, fmt.Errorf("offset %d is beyond the end of the file", offset)
	}
	t.begin = int(offset)
	return t, nil
}
