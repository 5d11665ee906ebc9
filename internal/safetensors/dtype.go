package safetensors

import "slices"

// DType is the element type of a tensor, spelled as in the file.
type DType string

// The element types of safetensors 0.8. Only some of them can be converted:
// see File.Float32, File.Float64 and File.Int64; Raw reads all of them.
const (
	Bool       DType = "BOOL"
	F4         DType = "F4"
	F6E2M3     DType = "F6_E2M3"
	F6E3M2     DType = "F6_E3M2"
	U8         DType = "U8"
	I8         DType = "I8"
	F8E5M2     DType = "F8_E5M2"
	F8E4M3     DType = "F8_E4M3"
	F8E8M0     DType = "F8_E8M0"
	F8E4M3FNUZ DType = "F8_E4M3FNUZ"
	F8E5M2FNUZ DType = "F8_E5M2FNUZ"
	I16        DType = "I16"
	U16        DType = "U16"
	F16        DType = "F16"
	BF16       DType = "BF16"
	I32        DType = "I32"
	U32        DType = "U32"
	F32        DType = "F32"
	C64        DType = "C64"
	F64        DType = "F64"
	I64        DType = "I64"
	U64        DType = "U64"
)

// dtypes lists the element types in the order of the Dtype enumeration of
// safetensors/src/tensor.rs 0.8. The writer sorts tensors by it, descending.
var dtypes = []struct {
	name DType
	bits int
}{
	{Bool, 8}, {F4, 4}, {F6E2M3, 6}, {F6E3M2, 6}, {U8, 8}, {I8, 8},
	{F8E5M2, 8}, {F8E4M3, 8}, {F8E8M0, 8}, {F8E4M3FNUZ, 8}, {F8E5M2FNUZ, 8},
	{I16, 16}, {U16, 16}, {F16, 16}, {BF16, 16},
	{I32, 32}, {U32, 32}, {F32, 32},
	{C64, 64}, {F64, 64}, {I64, 64}, {U64, 64},
}

// order returns the place of d among the element types, or -1.
func (d DType) order() int {
	for i := range dtypes {
		if dtypes[i].name == d {
			return i
		}
	}
	return -1
}

// Bits returns the size of one element in bits, and 0 for an unknown type.
func (d DType) Bits() int {
	if i := d.order(); i >= 0 {
		return dtypes[i].bits
	}
	return 0
}

// An Info describes one tensor of a file.
type Info struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar
	Bytes int   // size of the data in the file
}

// Len returns the number of elements, the product of the shape. Every Info a
// File hands out has been checked, so the product does not overflow.
func (i Info) Len() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// clone returns a copy that shares nothing with i.
func (i Info) clone() Info {
	i.Shape = slices.Clone(i.Shape)
	return i
}
