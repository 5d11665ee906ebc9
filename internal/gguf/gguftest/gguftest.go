// Package gguftest makes small GGUF files for tests, wrong ones included: nothing is checked. It knows the layout of
// such a file, and neither a model nor how package gguf reads one.
package gguftest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// File is what is written.
type File struct {
	Version uint32 // 0: 3
	Align   int    // of tensors; 0: 32
	KVs     []KV
	Tensors []Tensor
}

// KV is a key and its value: uint32, int32, uint64, float32, bool, string, []string, []int32 or []float32.
type KV struct {
	Key   string
	Value any
}

// Tensor has its shape outermost first. Offset is where it lies; below 0, behind the one before it.
type Tensor struct {
	Name   string
	Type   uint32
	Shape  []int
	Data   []byte
	Offset int
}

// Floats is a tensor of type F32.
func Floats(name string, data []float32, shape ...int) Tensor {
	var b []byte
	for _, v := range data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return Tensor{Name: name, Shape: shape, Data: b, Offset: -1}
}

type encoder struct{ bytes.Buffer }

func (e *encoder) put(v any) {
	if err := binary.Write(e, binary.LittleEndian, v); err != nil {
		panic(fmt.Sprintf("gguftest: %v", err))
	}
}

func (e *encoder) text(s string) {
	e.put(uint64(len(s)))
	e.WriteString(s)
}

func (e *encoder) value(v any) {
	kinds := map[string]uint32{"uint32": 4, "int32": 5, "float32": 6, "bool": 7, "string": 8, "uint64": 10}
	name := fmt.Sprintf("%T", v)
	if len(name) > 2 && name[:2] == "[]" {
		e.put(uint32(9))
		e.put(kinds[name[2:]])
		switch v := v.(type) {
		case []string:
			e.put(uint64(len(v)))
			for _, s := range v {
				e.text(s)
			}
		case []int32:
			e.put(uint64(len(v)))
			e.put(v)
		case []float32:
			e.put(uint64(len(v)))
			e.put(v)
		}
		return
	}
	e.put(kinds[name])
	if s, ok := v.(string); ok {
		e.text(s)
		return
	}
	e.put(v)
}

// Bytes is the file.
func (f *File) Bytes() []byte {
	e := &encoder{}
	e.WriteString("GGUF")
	version, align := f.Version, f.Align
	if version == 0 {
		version = 3
	}
	if align == 0 {
		align = 32
	}
	e.put(version)
	e.put(uint64(len(f.Tensors)))
	e.put(uint64(len(f.KVs)))
	for _, kv := range f.KVs {
		e.text(kv.Key)
		e.value(kv.Value)
	}
	var data []byte
	for _, t := range f.Tensors {
		e.text(t.Name)
		e.put(uint32(len(t.Shape)))
		for i := range t.Shape {
			e.put(uint64(t.Shape[len(t.Shape)-1-i]))
		}
		e.put(t.Type)
		at := t.Offset
		if at < 0 {
			at = len(data)
		}
		e.put(uint64(at))
		data = append(data, t.Data...)
		data = append(data, make([]byte, (align-len(data)%align)%align)...)
	}
	e.Write(make([]byte, (align-e.Len()%align)%align))
	e.Write(data)
	return e.Bytes()
}
