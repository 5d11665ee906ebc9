package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"unsafe"
)

// littleEndian tells whether float32s in memory look as they do in a file.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Float32 returns a copy of the named tensor in float32. F16 and BF16 widen
// exactly and F64 is rounded to nearest; a finite F64 beyond float32's range is
// an error, and so is every other element type.
func (f *File) Float32(name string) ([]float32, error) {
	t, raw, err := f.find(name)
	if err != nil {
		return nil, err
	}
	dst := make([]float32, t.Len())
	switch t.DType {
	case F32:
		if view, ok := viewFloat32(raw); ok {
			copyBlocks(dst, view)
			return dst, nil
		}
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = Float16frombits(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = BFloat16frombits(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	case F64:
		for i := range dst {
			v := math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
			dst[i] = float32(v)
			if math.IsInf(float64(dst[i]), 0) && !math.IsInf(v, 0) {
				return nil, fmt.Errorf("%s: tensor %q: %g at element %d is beyond float32", f.path, name, v, i)
			}
		}
	default:
		return nil, f.convertError(t, "float32", "F32, F16, BF16 or F64")
	}
	return dst, nil
}

// copyBlocks copies block by block and lets others go on in between. The runtime cannot stop a goroutine within a copy, and one of a mapped file waits
// for the disk: the whole program would stand still, its answer to signals, too.
func copyBlocks(dst, src []float32) {
	const block = 1 << 18 // 1 MiB
	for at := 0; at < len(src); at += block {
		copy(dst[at:], src[at:min(at+block, len(src))])
		runtime.Gosched()
	}
}

// View returns the named tensor in float32 without copying where that is
// possible: an F32 tensor at an aligned address on a little-endian machine.
// Otherwise it is Float32. Which of the two it was cannot be told, so the slice
// must be treated as read-only (writing to a mapped file ends the program) and
// as gone after Close.
func (f *File) View(name string) ([]float32, error) {
	t, raw, err := f.find(name)
	if err != nil {
		return nil, err
	}
	if t.DType == F32 {
		if view, ok := viewFloat32(raw); ok {
			return view, nil
		}
	}
	return f.Float32(name)
}

// viewFloat32 reinterprets raw as float32s, if this machine can.
func viewFloat32(raw []byte) ([]float32, bool) {
	if len(raw) == 0 {
		return []float32{}, true
	}
	p := unsafe.Pointer(unsafe.SliceData(raw))
	if !littleEndian || uintptr(p)%unsafe.Alignof(float32(0)) != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), len(raw)/4), true
}

// Float64 returns a copy of the named tensor in float64. F64, F32, F16 and
// BF16 are exact; every other element type is an error.
func (f *File) Float64(name string) ([]float64, error) {
	t, raw, err := f.find(name)
	if err != nil {
		return nil, err
	}
	switch t.DType {
	case F64:
		dst := make([]float64, t.Len())
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
		return dst, nil
	case F32, F16, BF16:
		view, err := f.View(name)
		if err != nil {
			return nil, err
		}
		dst := make([]float64, len(view))
		for i, v := range view {
			dst[i] = float64(v)
		}
		return dst, nil
	}
	return nil, f.convertError(t, "float64", "F64, F32, F16 or BF16")
}

// Int64 returns a copy of the named tensor of integers or booleans (0 and 1).
// A U64 above the largest int64 is an error, and so is every other element
// type.
func (f *File) Int64(name string) ([]int64, error) {
	t, raw, err := f.find(name)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	var at func(i int) int64
	switch t.DType {
	case I64, U64:
		at = func(i int) int64 { return int64(le.Uint64(raw[8*i:])) }
	case I32:
		at = func(i int) int64 { return int64(int32(le.Uint32(raw[4*i:]))) }
	case U32:
		at = func(i int) int64 { return int64(le.Uint32(raw[4*i:])) }
	case I16:
		at = func(i int) int64 { return int64(int16(le.Uint16(raw[2*i:]))) }
	case U16:
		at = func(i int) int64 { return int64(le.Uint16(raw[2*i:])) }
	case I8:
		at = func(i int) int64 { return int64(int8(raw[i])) }
	case U8, Bool:
		at = func(i int) int64 { return int64(raw[i]) }
	default:
		return nil, f.convertError(t, "int64", "an integer type or BOOL")
	}
	dst := make([]int64, t.Len())
	for i := range dst {
		dst[i] = at(i)
		switch {
		case t.DType == U64 && dst[i] < 0:
			return nil, fmt.Errorf("%s: tensor %q: %d at element %d is beyond int64", f.path, name, uint64(dst[i]), i)
		case t.DType == Bool && dst[i] > 1:
			return nil, fmt.Errorf("%s: tensor %q: %d at element %d is not a boolean", f.path, name, dst[i], i)
		}
	}
	return dst, nil
}

func (f *File) convertError(t *Placed, as, want string) error {
	return fmt.Errorf("%s: tensor %q: element type is %s; reading as %s needs %s", f.path, t.Name, t.DType, as, want)
}
