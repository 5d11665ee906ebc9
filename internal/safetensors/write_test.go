package safetensors

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func encode(t *testing.T, tensors []Tensor, metadata map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Encode(&buf, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestWriteMatchesReference writes the tensors of a file of the reference
// library again, in another order, and expects its bytes.
func TestWriteMatchesReference(t *testing.T) {
	const path = "testdata/reference.safetensors"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	var tensors []Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		tensor := Tensor{Name: name, DType: info.DType, Shape: info.Shape}
		switch info.DType {
		case F32, F16:
			tensor.Data, err = f.Float32(name)
		case BF16:
			tensor.Load = func() ([]float32, error) { return f.Float32(name) }
		default:
			tensor.Raw, err = f.Raw(name)
		}
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, tensor)
	}
	slices.Reverse(tensors)
	out := filepath.Join(t.TempDir(), "out.safetensors")
	if err := Write(out, tensors, f.Metadata()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("wrote\n%.1500q\nwant\n%.1500q", got, want)
	}
	if !bytes.Equal(encode(t, tensors, f.Metadata()), want) {
		t.Error("Encode and Write differ")
	}
}

func TestMetadataIsSorted(t *testing.T) {
	meta := map[string]string{"z": "1", "format": "pt", "a": "<&>", "m": ""}
	want := `{"__metadata__":{"a":"<&>","format":"pt","m":"","z":"1"}}`
	for range 20 {
		got := encode(t, nil, meta)[lengthBytes:]
		if strings.TrimRight(string(got), " ") != want || len(got)%8 != 0 {
			t.Fatalf("header %q, want %q and padding to 8", got, want)
		}
	}
	if got := encode(t, nil, nil)[lengthBytes:]; string(got) != "{}      " {
		t.Errorf("empty file has header %q", got)
	}
}

// TestWriteLarge crosses the boundaries of the conversion's chunks.
func TestWriteLarge(t *testing.T) {
	data := make([]float32, 40_001)
	for i := range data {
		data[i] = float32(i%2000) - 1000.5
	}
	for _, d := range []DType{"", F32, F16, BF16} {
		f, err := New("mem", encode(t, []Tensor{{Name: "a", DType: d, Shape: []int{len(data)}, Data: data}}, nil))
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Float32("a")
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range data {
			want := v
			switch d {
			case F16:
				want = Float16frombits(Float16bits(v))
			case BF16:
				want = BFloat16frombits(BFloat16bits(v))
			}
			if got[i] != want {
				t.Fatalf("%s: element %d is %g, want %g", d, i, got[i], want)
			}
		}
	}
}

func TestNonFiniteSurvives(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, d := range []DType{F32, F16, BF16} {
		f, err := New("mem", encode(t, []Tensor{{Name: "a", DType: d, Shape: []int{3}, Data: []float32{inf, -inf, float32(math.NaN())}}}, nil))
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Float32("a")
		if err != nil || got[0] != inf || got[1] != -inf || got[2] == got[2] {
			t.Errorf("%s: %v, %v", d, got, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	boom := errors.New("boom")
	load := func(data []float32, err error) func() ([]float32, error) {
		return func() ([]float32, error) { return data, err }
	}
	one := []float32{1}
	tests := []struct {
		name    string
		tensors []Tensor
		meta    map[string]string
		want    string
	}{
		{"same name", []Tensor{{Name: "a", Shape: []int{1}, Data: one}, {Name: "a", DType: F16, Shape: []int{1}, Data: one}}, nil, `"a" is given twice`},
		{"reserved name", []Tensor{{Name: metadataKey, Shape: []int{1}, Data: one}}, nil, metadataKey},
		{"bad UTF-8 name", []Tensor{{Name: "\xff", Shape: []int{1}, Data: one}}, nil, "not a possible name"},
		{"bad UTF-8 metadata", nil, map[string]string{"a": "\xff"}, "UTF-8"},
		{"unknown dtype", []Tensor{{Name: "a", DType: "F31", Shape: []int{1}, Data: one}}, nil, "F31"},
		{"float to integer", []Tensor{{Name: "a", DType: I32, Shape: []int{1}, Data: one}}, nil, "I32"},
		{"too few", []Tensor{{Name: "a", Shape: []int{2, 2}, Data: one}}, nil, "has 1 elements, but shape [2 2] takes 4"},
		{"no data", []Tensor{{Name: "a", Shape: []int{2}}}, nil, "has 0 elements"},
		{"too few loaded", []Tensor{{Name: "a", Shape: []int{2}, Load: load(one, nil)}}, nil, "has 1 elements"},
		{"load fails", []Tensor{{Name: "a", Shape: []int{2}, Load: load(nil, boom)}}, nil, "boom"},
		{"raw size", []Tensor{{Name: "a", DType: F16, Shape: []int{2}, Raw: []byte{1}}}, nil, "takes 4"},
		{"two sources", []Tensor{{Name: "a", Shape: []int{1}, Data: one, Raw: []byte{1, 2, 3, 4}}}, nil, "more than one"},
		{"negative", []Tensor{{Name: "a", Shape: []int{-1}, Data: one}}, nil, "negative"},
		{"overflow", []Tensor{{Name: "a", Shape: []int{math.MaxInt, 2}, Data: one}}, nil, "overflows"},
		{"rank", []Tensor{{Name: "a", Shape: slices.Repeat([]int{1}, maxRank+1), Data: one}}, nil, "rank"},
		{"beyond F16", []Tensor{{Name: "a", DType: F16, Shape: []int{2}, Data: []float32{65519, 65520}}}, nil, "65520 at element 1 is beyond the range of F16"},
		{"beyond BF16", []Tensor{{Name: "a", DType: BF16, Shape: []int{1}, Data: []float32{-math.MaxFloat32}}}, nil, "beyond the range of BF16"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "out.safetensors")
			err := Write(path, tt.tensors, tt.meta)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error = %v, want one naming the file and containing %q", err, tt.want)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("%v was left behind", left)
			}
		})
	}
}
