package torchpickle

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTensorsOfTorchSave(t *testing.T) {
	table := []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	for _, file := range []string{"state.bin", "nested.bin"} {
		f, err := Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for name, want := range map[string]struct {
			data  []float32
			shape []int
		}{
			"model.mm_projector.0.weight": {table, []int{3, 4}},
			"model.mm_projector.0.bias":   {[]float32{0.5, -1, 3}, []int{3}},
			"bfloat":                      {[]float32{1, -2.5}, []int{1, 2}},
			"tail":                        {table[5:9], []int{4}},
			"parameter":                   {[]float32{7}, []int{1}},
			"scalar":                      {[]float32{2}, []int{}},
			"empty":                       {[]float32{}, []int{0, 3}},
		} {
			got, err := f.Float32(name)
			info, _ := f.Info(name)
			if err != nil || !slices.Equal(got, want.data) || !slices.Equal(info.Shape, want.shape) {
				t.Errorf("%s: %s: %v %v, %v; want %v %v", file, name, got, info.Shape, err, want.data, want.shape)
			}
		}
		if ids, err := f.Int64("ids"); err != nil || !slices.Equal(ids, []int64{-3, 1 << 40}) {
			t.Errorf("%s: ids %v, %v", file, ids, err)
		}
		if n := len(f.Names()); n != 8 {
			t.Errorf("%s: %d tensors, want 8", file, n)
		}
	}
	if f, err := Open(filepath.Join("testdata", "protocol4.bin")); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
}

func TestRefusals(t *testing.T) {
	for file, want := range map[string]string{
		"evil.bin":   "posix.system",
		"turned.bin": "row-major",
		"legacy.bin": "before 1.6",
		"make.py":    "not a file of torch.save",
	} {
		if _, err := Open(filepath.Join("testdata", file)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one with %q", file, err, want)
		}
	}
	if _, err := os.Stat("/tmp/torchpickle-was-run"); err == nil {
		t.Error("the pickle was run")
	}
}

// archive makes a file of torch.save around a pickle and a storage "0".
func archive(t testing.TB, pickle, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range []struct {
		name string
		data []byte
	}{{"a/data.pkl", pickle}, {"a/byteorder", []byte("little")}, {"a/data/0", data}} {
		f, err := w.CreateRaw(&zip.FileHeader{Name: e.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(e.data),
			CompressedSize64: uint64(len(e.data)), UncompressedSize64: uint64(len(e.data))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tensorPickle is {"w": a tensor of the given tuples}.
func tensorPickle(class, offset, size, stride string) string {
	return "\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\n" + class + "\nU\x010U\x03cpuK\x04tQ" +
		offset + size + stride + "\x89}tRs."
}

func TestDamagedPickles(t *testing.T) {
	for name, c := range map[string]struct{ pickle, want string }{
		"good":         {tensorPickle("FloatStorage", "K\x00", "K\x04\x85", "K\x01\x85"), ""},
		"too large":    {tensorPickle("FloatStorage", "K\x00", "K\x05\x85", "K\x01\x85"), "needs 5 elements"},
		"beyond":       {tensorPickle("FloatStorage", "K\x02", "K\x04\x85", "K\x01\x85"), "from element 2"},
		"negative":     {tensorPickle("FloatStorage", "J\xff\xff\xff\xff", "K\x04\x85", "K\x01\x85"), "offset"},
		"huge":         {tensorPickle("FloatStorage", "K\x00", "J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", "K\x01K\x01\x86"), "larger than its storage"},
		"type":         {tensorPickle("ComplexFloatStorage", "K\x00", "K\x04\x85", "K\x01\x85"), "torch.ComplexFloatStorage"},
		"empty stack":  {"\x80\x02R.", "empty stack"},
		"short":        {"\x80\x02X\xff\xff\xff\x7f", "too early"},
		"no end":       {"\x80\x02}", "too early"},
		"no mark":      {"\x80\x02t.", "no mark"},
		"memo":         {"\x80\x02h\x05.", "recalls number 5"},
		"not a dict":   {"\x80\x02]K\x01a.", "holds a list"},
		"not a tensor": {"\x80\x02}U\x01wK\x01s.", `"w" is a number`},
		"itself":       {"\x80\x02}q\x00U\x01wh\x00s.", `"w" is a dictionary`},
		"operation":    {"\x80\x02i", "operation 'i'"},
		"eval":         {"\x80\x02c__builtin__\neval\n.", "__builtin__.eval"},
		"stack global": {"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"},
	} {
		_, _, err := find(archive(t, []byte(c.pickle), make([]byte, 16)))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func FuzzPickle(f *testing.F) {
	f.Add([]byte(tensorPickle("FloatStorage", "K\x00", "K\x04\x85", "K\x01\x85")))
	for _, file := range []string{"state.bin", "nested.bin", "protocol4.bin", "evil.bin"} {
		b, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			f.Fatal(err)
		}
		e, err := stored(r, b)
		if err != nil {
			f.Fatal(err)
		}
		if _, p, err := e.pickle(); err == nil {
			f.Add(p.data)
		}
	}
	f.Fuzz(func(t *testing.T, pickle []byte) {
		file := archive(t, pickle, make([]byte, 16))
		placed, _, err := find(file)
		for _, p := range placed {
			if err == nil && (p.Begin < 0 || p.Begin+p.Len()*p.DType.Bits()/8 > len(file)) {
				t.Errorf("%+v is outside the %d bytes", p, len(file))
			}
		}
	})
}

func FuzzFile(f *testing.F) {
	for _, file := range []string{"state.bin", "protocol4.bin", "legacy.bin"} {
		b, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, file []byte) { find(file) })
}
