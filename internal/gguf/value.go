package gguf

import (
	"fmt"
	"math"
)

// ValueType is the type of a value of the header.
type ValueType uint32

// The types of values (gguf.h, enum gguf_type).
const (
	Uint8 ValueType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	Array
	Uint64
	Int64
	Float64
)

var valueNames = [...]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64", "float64"}

// String is the type's name in the format's description.
func (t ValueType) String() string {
	if int(t) < len(valueNames) {
		return valueNames[t]
	}
	return fmt.Sprintf("value type %d", uint32(t))
}

// Value is one value of the header. Of an array, Type is the type of its elements.
type Value struct {
	Type  ValueType
	Array bool
	bits  []uint64 // numbers and bools: integers sign-extended, floats as the bits of a float64
	text  []string
}

// Len is the number of elements of an array; 1 for another value.
func (v Value) Len() int { return len(v.bits) + len(v.text) }

// String is for messages.
func (v Value) String() string {
	kind := v.Type.String()
	switch {
	case v.Array:
		return fmt.Sprintf("an array of %d %s", v.Len(), kind)
	case v.Type == String:
		if len(v.text[0]) > 60 {
			return fmt.Sprintf("%q...", v.text[0][:60])
		}
		return fmt.Sprintf("%q", v.text[0])
	}
	return fmt.Sprint(v.number(0))
}

// number is the i-th element as an int64, float64 or bool.
func (v Value) number(i int) any {
	switch v.Type {
	case Float32, Float64:
		return math.Float64frombits(v.bits[i])
	case Bool:
		return v.bits[i] != 0
	case Uint64:
		return v.bits[i]
	}
	return int64(v.bits[i])
}

// Value is the value of key.
func (f *File) Value(key string) (Value, bool) {
	v, ok := f.values[key]
	return v, ok
}

// wrong says that the value of a key is not what it should be.
func (f *File) wrong(key string, v Value, want string) error {
	return fmt.Errorf("%s: %s is %s, %s expected", f.path, key, v, want)
}

// Text is the value of key, which must be a string; found is false if it is not there.
func (f *File) Text(key string) (text string, found bool, err error) {
	v, ok := f.values[key]
	if !ok {
		return "", false, nil
	}
	if v.Array || v.Type != String {
		return "", false, f.wrong(key, v, "a string")
	}
	return v.text[0], true, nil
}

// Flag is the value of key, which must be a bool.
func (f *File) Flag(key string) (flag, found bool, err error) {
	v, ok := f.values[key]
	if !ok {
		return false, false, nil
	}
	if v.Array || v.Type != Bool {
		return false, false, f.wrong(key, v, "a bool")
	}
	return v.bits[0] != 0, true, nil
}

// Int is the value of key, which must be an integer of any width from 0 to 2^31-1.
func (f *File) Int(key string) (n int, found bool, err error) {
	v, ok := f.values[key]
	if !ok {
		return 0, false, nil
	}
	if v.Array || v.Type == Float32 || v.Type == Float64 || v.Type == Bool || v.Type == String || v.bits[0] > math.MaxInt32 {
		return 0, false, f.wrong(key, v, "an integer from 0 to 2147483647")
	}
	return int(v.bits[0]), true, nil
}

// Float is the value of key, which must be a finite float32 or float64.
func (f *File) Float(key string) (x float64, found bool, err error) {
	v, ok := f.values[key]
	if !ok {
		return 0, false, nil
	}
	if v.Array || v.Type != Float32 && v.Type != Float64 {
		return 0, false, f.wrong(key, v, "a float")
	}
	x = math.Float64frombits(v.bits[0])
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, false, f.wrong(key, v, "a finite number")
	}
	return x, true, nil
}

// Texts is the value of key, which must be an array of strings. The slice is the file's own.
func (f *File) Texts(key string) (texts []string, found bool, err error) {
	v, ok := f.values[key]
	if !ok {
		return nil, false, nil
	}
	if !v.Array || v.Type != String {
		return nil, false, f.wrong(key, v, "an array of strings")
	}
	return v.text, true, nil
}

// Ints is the value of key, which must be an array of integers that fit 32 bits.
func (f *File) Ints(key string) (ints []int32, found bool, err error) {
	v, ok := f.values[key]
	if !ok {
		return nil, false, nil
	}
	if !v.Array || v.Type == Float32 || v.Type == Float64 || v.Type == Bool || v.Type == String {
		return nil, false, f.wrong(key, v, "an array of integers")
	}
	ints = make([]int32, len(v.bits))
	for i, b := range v.bits {
		ints[i] = int32(b)
		if uint64(int64(ints[i])) != b {
			return nil, false, fmt.Errorf("%s: %s[%d] is %v, a number of 32 bits expected", f.path, key, i, v.number(i))
		}
	}
	return ints, true, nil
}

// Floats is the value of key, which must be an array of floats.
func (f *File) Floats(key string) (floats []float64, found bool, err error) {
	v, ok := f.values[key]
	if !ok {
		return nil, false, nil
	}
	if !v.Array || v.Type != Float32 && v.Type != Float64 {
		return nil, false, f.wrong(key, v, "an array of floats")
	}
	floats = make([]float64, len(v.bits))
	for i, b := range v.bits {
		floats[i] = math.Float64frombits(b)
	}
	return floats, true, nil
}
