package safetensors

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// Headers the reference accepts.
var accepted = []struct{ name, header, data string }{
	{"no tensors", `{}`, ""},
	{"trailing blanks", "{} \n  ", ""},
	{"scalar", `{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, "1234"},
	{"empty tensors side by side", `{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"c":{"dtype":"I8","shape":[3,0],"data_offsets":[4,4]}}`, "1234"},
	{"any order", `{"b":{"data_offsets":[1,3],"shape":[1],"dtype":"F16"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "123"},
	{"null metadata", `{"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "1"},
	{"unknown key", `{"a":{"dtype":"U8","more":{"x":[1,{}]},"shape":[1],"data_offsets":[0,1]}}`, "1"},
	{"half bytes", `{"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}}`, "123"},
}

// Headers that must be refused, and what the error must mention.
var refused = []struct{ name, header, data, want string }{
	{"no object", `[]`, "", "'{'"},
	{"leading blank", ` {}`, "", "'{'"},
	{"not closed", `{`, "", "EOF"},
	{"cut in a tensor", `{"a":{"dtype":"F32","shape":[1`, "", "EOF"},
	{"cut after a tensor", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`, "1", "EOF"},
	{"bad UTF-8", "{\"\xff\":1}", "", "UTF-8"},
	{"trailing text", `{}x`, "", "follows"},
	{"trailing zero", "{}\x00", "", "follows"},
	{"two objects", `{}{}`, "", "follows"},
	{"tensor twice", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "12", `"a" occurs twice`},
	{"metadata twice", `{"__metadata__":{},"__metadata__":{}}`, "", "occurs twice"},
	{"metadata key twice", `{"__metadata__":{"k":"1","k":"2"}}`, "", `"k" occurs twice`},
	{"metadata number", `{"__metadata__":{"k":1}}`, "", "want a string"},
	{"metadata list", `{"__metadata__":["k"]}`, "", "want an object"},
	{"tensor is a number", `{"a":1}`, "", "want an object"},
	{"field twice", `{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, "1", `"dtype" occurs twice`},
	{"wrong case", `{"a":{"Dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "1", "dtype is missing"},
	{"no shape", `{"a":{"dtype":"U8","data_offsets":[0,1]}}`, "1", "shape is missing"},
	{"no offsets", `{"a":{"dtype":"U8","shape":[1]}}`, "1", "data_offsets is missing"},
	{"unknown dtype", `{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,1]}}`, "1", "F31"},
	{"dtype number", `{"a":{"dtype":4,"shape":[1],"data_offsets":[0,1]}}`, "1", "dtype 4"},
	{"fraction", `{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, "1", "1.0"},
	{"negative", `{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, "1", "-1"},
	{"string in shape", `{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, "1", "whole number"},
	{"null shape", `{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, "1", "want an array"},
	{"one offset", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, "1", "1 numbers"},
	{"three offsets", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, "1", "more than 2"},
	{"offsets reversed", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, "1", "[1, 0]"},
	{"size does not match", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234", "takes 8 bytes"},
	{"shape overflows", `{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}`, "", "overflows"},
	{"overflow hidden by zero", `{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`, "", "overflows"},
	{"bytes overflow", `{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}`, "", "overflows"},
	{"number overflows", `{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}`, "1", "whole number"},
	{"not whole bytes", `{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, "1", "whole bytes"},
	{"rank", `{"a":{"dtype":"U8","shape":[1` + strings.Repeat(",1", maxRank) + `],"data_offsets":[0,1]}}`, "1", "more than 64"},
	{"data cut", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "1234", "truncated"},
	{"data left over", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "12345", "take 4 bytes, but 5"},
	{"hole in front", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "12", "1 bytes in front"},
	{"hole between", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, "123", `tensor "b"`},
	{"overlap", `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "123", `overlaps tensor "a"`},
	{"same place", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "1", `overlaps tensor "a"`},
}

func TestHeaderAccepted(t *testing.T) {
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) {
			f, err := New("mem", file(tt.header, tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if f.Metadata() == nil {
				t.Error("Metadata() is nil")
			}
			for _, name := range f.Names() {
				if _, err := f.Raw(name); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestHeaderRefused(t *testing.T) {
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New("mem", file(tt.header, tt.data))
			if err == nil || !strings.HasPrefix(err.Error(), "mem: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one naming the file and containing %q", err, tt.want)
			}
		})
	}
}

func TestHeaderLength(t *testing.T) {
	for _, n := range []uint64{3, 99, maxHeader, maxHeader + 1, math.MaxInt64, math.MaxUint64, math.MaxUint64 - 7} {
		b := append(binary.LittleEndian.AppendUint64(nil, n), "{}"...)
		if _, err := New("mem", b); err == nil || !strings.Contains(err.Error(), "header length") {
			t.Errorf("length %d: error = %v", n, err)
		}
	}
}

// FuzzNew looks for panics, and checks that what is accepted can be read in
// full and written again to the same tensors.
func FuzzNew(f *testing.F) {
	for _, tt := range accepted {
		f.Add(file(tt.header, tt.data))
	}
	for _, tt := range refused {
		f.Add(file(tt.header, tt.data))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sf, err := New("mem", b)
		if err != nil {
			return
		}
		var tensors []Tensor
		total := 0
		for _, name := range sf.Names() {
			info, ok := sf.Info(name)
			raw, err := sf.Raw(name)
			if !ok || err != nil || len(raw) != info.Bytes {
				t.Fatalf("tensor %q: %+v, %d bytes, %v", name, info, len(raw), err)
			}
			total += len(raw)
			tensors = append(tensors, Tensor{Name: name, DType: info.DType, Shape: info.Shape, Raw: raw})
			// Only that they return: most types cannot be converted.
			_, _ = sf.Float32(name)
			_, _ = sf.View(name)
			_, _ = sf.Float64(name)
			_, _ = sf.Int64(name)
		}
		if total > len(b) {
			t.Fatalf("%d bytes of tensors in a file of %d", total, len(b))
		}
		again, err := New("again", encode(t, tensors, sf.Metadata()))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.Names(), sf.Names()) {
			t.Fatalf("names %q became %q", sf.Names(), again.Names())
		}
	})
}
