package safetensors

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// file builds the bytes of a file from a JSON header and data.
func file(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestReadReference(t *testing.T) {
	f := open(t, "testdata/reference.safetensors")
	odd := "odd \"name\" <é> \\ & \n"
	want := []string{"a.f32", "b.f32", "bf16", "bool", "empty", "f16", "f64", "i16", "i32", "i64", "i8", odd, "scalar", "u8"}
	if got := f.Names(); !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	if got := f.Metadata(); len(got) != 1 || got["format"] != "pt" {
		t.Errorf("Metadata() = %v", got)
	}

	small := []float32{0, float32(math.Copysign(0, -1)), 1.5, -2, 0.099976, 65504}
	tests := []struct {
		name  string
		dtype DType
		shape []int
		want  []float32
	}{
		{"b.f32", F32, []int{2, 3}, small},
		{"f16", F16, []int{2, 3}, []float32{0, small[1], 1.5, -2, 0x1.998p-4, 65504}},
		{"bf16", BF16, []int{2, 3}, []float32{0, small[1], 1.5, -2, 0x1.9ap-4, 65536}},
		{"scalar", F32, []int{}, []float32{3.25}},
		{"empty", F32, []int{0, 4}, []float32{}},
		{odd, F32, []int{1}, []float32{1}},
	}
	for _, tt := range tests {
		info, ok := f.Info(tt.name)
		if !ok || info.Name != tt.name || info.DType != tt.dtype || !slices.Equal(info.Shape, tt.shape) ||
			info.Len() != len(tt.want) || info.Bytes != len(tt.want)*tt.dtype.Bits()/8 {
			t.Errorf("Info(%q) = %+v, %v", tt.name, info, ok)
		}
		for kind, read := range map[string]func(string) ([]float32, error){"Float32": f.Float32, "View": f.View} {
			got, err := read(tt.name)
			if err != nil {
				t.Errorf("%s(%q): %v", kind, tt.name, err)
			}
			if !slices.EqualFunc(got, tt.want, sameBits) {
				t.Errorf("%s(%q) = %v, want %v", kind, tt.name, got, tt.want)
			}
		}
	}

	f64, err := f.Float64("f64")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range small {
		if f64[i] != float64(v)/3 {
			t.Errorf("f64[%d] = %v, want %v", i, f64[i], float64(v)/3)
		}
	}
	narrow, err := f.Float32("f64")
	if err != nil || narrow[4] != float32(f64[4]) {
		t.Errorf("Float32 of F64 = %v, %v", narrow, err)
	}
	if wide, err := f.Float64("f16"); err != nil || wide[5] != 65504 {
		t.Errorf("Float64 of F16 = %v, %v", wide, err)
	}
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

func TestReadIntegers(t *testing.T) {
	f := open(t, "testdata/reference.safetensors")
	for name, want := range map[string][]int64{
		"i64":  {math.MinInt64, -1, math.MaxInt64},
		"i32":  {math.MinInt32, 7},
		"i16":  {math.MinInt16, 7},
		"i8":   {-128, 127},
		"u8":   {0, 255},
		"bool": {1, 0, 1},
	} {
		if got, err := f.Int64(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("Int64(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	g, err := New("mem", file(`{"u16":{"dtype":"U16","shape":[1],"data_offsets":[0,2]},
		"u32":{"dtype":"U32","shape":[1],"data_offsets":[2,6]},
		"u64":{"dtype":"U64","shape":[1],"data_offsets":[6,14]}}`, strings.Repeat("\xff", 14)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{"u16": math.MaxUint16, "u32": math.MaxUint32} {
		if got, err := g.Int64(name); err != nil || got[0] != want {
			t.Errorf("Int64(%q) = %v, %v, want %d", name, got, err, want)
		}
	}
	if _, err := g.Int64("u64"); err == nil || !strings.Contains(err.Error(), "18446744073709551615") {
		t.Errorf("Int64 of a large U64: %v", err)
	}
}

// TestUnaligned reads float32s that do not start at a multiple of 4, as in
// files of writers that sort by name.
func TestUnaligned(t *testing.T) {
	f, err := New("mem", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}`,
		"\x07\x00\x00\x80\x3f\x00\x00\x00\xc0"))
	if err != nil {
		t.Fatal(err)
	}
	for kind, read := range map[string]func(string) ([]float32, error){"Float32": f.Float32, "View": f.View} {
		if got, err := read("b"); err != nil || !slices.Equal(got, []float32{1, -2}) {
			t.Errorf("%s = %v, %v", kind, got, err)
		}
	}
	if raw, err := f.Raw("a"); err != nil || string(raw) != "\x07" || cap(raw) != 1 {
		t.Errorf("Raw = %v (cap %d), %v", raw, cap(raw), err)
	}
}

func TestReadErrors(t *testing.T) {
	huge := math.Float64bits(1e300)
	f, err := New("some.safetensors", file(`{"fp8":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},
		"bool":{"dtype":"BOOL","shape":[1],"data_offsets":[2,3]},
		"f64":{"dtype":"F64","shape":[1],"data_offsets":[3,11]}}`,
		"\x01\x02\x07"+string(binary.LittleEndian.AppendUint64(nil, huge))))
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error, want ...string) {
		t.Helper()
		for _, w := range append(want, "some.safetensors") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("error = %v, want it to contain %q", err, w)
			}
		}
	}
	_, err = f.Float32("fp8")
	check(err, "fp8", "F8_E4M3")
	_, err = f.Float64("fp8")
	check(err, "fp8", "F8_E4M3")
	_, err = f.View("bool")
	check(err, "bool", "BOOL")
	_, err = f.Int64("f64")
	check(err, "f64", "F64")
	_, err = f.Int64("bool")
	check(err, "bool", "7 at element 0")
	_, err = f.Float32("f64")
	check(err, "f64", "1e+300", "beyond float32")
	_, err = f.Float32("none")
	check(err, `no tensor named "none"`)
	if _, ok := f.Info("none"); ok {
		t.Error("Info knows a tensor that is not there")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	_, err = f.Raw("fp8")
	check(err, "closed")
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty":   "",
		"short":   "\x01\x00",
		"lfs":     "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
		"pickle":  "PK\x03\x04 something else entirely",
		"nothing": "\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error = %v, want one naming the file", name, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "missing")} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error = %v, want one naming %s", err, path)
		}
	}
}
