package gguf

import "fmt"

// Type is how the elements of a tensor are stored, by its number in the file (ggml.h, enum ggml_type).
type Type uint32

// The types that can be read. A block is a run of elements along the innermost dimension that share scales.
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	IQ4_NL Type = 20
	IQ4_XS Type = 23
	BF16   Type = 30
)

// layout is how many elements a block has, how many bytes it takes, and what reads blocks; expand nil: not implemented.
type layout struct {
	name   string
	block  int
	bytes  int
	expand func(dst []float32, src []byte)
}

var layouts = map[Type]layout{
	F32:    {"F32", 1, 4, expandF32},
	F16:    {"F16", 1, 2, expandF16},
	BF16:   {"BF16", 1, 2, expandBF16},
	Q4_0:   {"Q4_0", 32, 18, expandQ4_0},
	Q4_1:   {"Q4_1", 32, 20, expandQ4_1},
	Q5_0:   {"Q5_0", 32, 22, expandQ5_0},
	Q5_1:   {"Q5_1", 32, 24, expandQ5_1},
	Q8_0:   {"Q8_0", 32, 34, expandQ8_0},
	Q2_K:   {"Q2_K", 256, 84, expandQ2_K},
	Q3_K:   {"Q3_K", 256, 110, expandQ3_K},
	IQ4_NL: {"IQ4_NL", 32, 18, expandIQ4_NL},
	IQ4_XS: {"IQ4_XS", 256, 136, expandIQ4_XS},
	Q4_K:   {"Q4_K", 256, 144, expandQ4_K},
	Q5_K:   {"Q5_K", 256, 176, expandQ5_K},
	Q6_K:   {"Q6_K", 256, 210, expandQ6_K},
}

// named are types that files have and this package does not read, so that they can be refused by name.
var named = map[Type]string{
	4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
	21: "IQ3_S", 22: "IQ2_S", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0",
	35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0",
}

// String is the type's name in ggml.
func (t Type) String() string {
	if l, ok := layouts[t]; ok {
		return l.name
	}
	if n, ok := named[t]; ok {
		return n
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// dequantize fills dst from src, whose size has been checked.
func (t Type) dequantize(dst []float32, src []byte) { layouts[t].expand(dst, src) }
