package gguf

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/gguf/gguftest"
	"moslava/internal/safetensors"
)

// Every type gives the numbers that the Python package gguf gives, to the bit (testdata/make.py).
func TestDequantizesAsThePythonPackage(t *testing.T) {
	f, err := Open("testdata/quants.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := safetensors.Open("testdata/quants.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if len(f.Names()) != len(layouts) {
		t.Errorf("%d tensors in the file, %d types are implemented", len(f.Names()), len(layouts))
	}
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		if info.Type.String() != name {
			t.Errorf("%s is of type %s", name, info.Type)
		}
		x, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		y, err := want.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		if wi, _ := want.Info(name); !slices.Equal(info.Shape, wi.Shape) {
			t.Errorf("%s has shape %v, want %v", name, info.Shape, wi.Shape)
		}
		wrong := 0
		for i := range y {
			if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
				wrong++
			}
		}
		if wrong > 0 || len(x) != len(y) {
			t.Errorf("%s: %d of %d elements differ (%d read)", name, wrong, len(y), len(x))
		}
	}
}

func TestValues(t *testing.T) {
	f, err := Open("testdata/quants.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for key, want := range map[string]string{"u8": "200", "i8": "-7", "u16": "60000", "i16": "-300", "u32": "4000000000", "i32": "-5",
		"f32": "0.10000000149011612", "b": "true", "u64": "9223372036854775808", "i64": "-1099511627776", "f64": "0.1", "s": `"é <|x|>"`,
		"texts": "an array of 3 string", "ints": "an array of 3 int32"} {
		if v, ok := f.Value("value." + key); !ok || v.String() != want {
			t.Errorf("%s is %v, want %s", key, v, want)
		}
	}
	if texts, _, err := f.Texts("value.texts"); err != nil || !slices.Equal(texts, []string{"a", "", "ü"}) {
		t.Errorf("texts: %q, %v", texts, err)
	}
	if ints, _, err := f.Ints("value.ints"); err != nil || !slices.Equal(ints, []int32{1, -2, 3}) {
		t.Errorf("ints: %v, %v", ints, err)
	}
	if floats, _, err := f.Floats("value.floats"); err != nil || len(floats) != 2 || floats[0] != 0.5 || float32(floats[1]) != -1e-5 {
		t.Errorf("floats: %v, %v", floats, err)
	}
	if _, _, err := f.Int("value.i8"); err == nil || !strings.Contains(err.Error(), "value.i8 is -7, an integer from 0 to 2147483647 expected") {
		t.Errorf("a negative integer: %v", err)
	}
	if _, _, err := f.Text("value.u8"); err == nil || !strings.Contains(err.Error(), "value.u8 is 200, a string expected") {
		t.Errorf("a number as text: %v", err)
	}
	if _, found, err := f.Int("value.none"); found || err != nil {
		t.Errorf("an absent key: found %v, %v", found, err)
	}
}

func TestVersion2AndAlignment(t *testing.T) {
	for _, version := range []uint32{2, 3} {
		file := gguftest.File{Version: version, Align: 64, KVs: []gguftest.KV{{Key: "general.alignment", Value: uint32(64)}},
			Tensors: []gguftest.Tensor{gguftest.Floats("a", []float32{1, 2, 3}, 3), gguftest.Floats("b", []float32{4, 5}, 1, 2)}}
		f, err := New("test", file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if x, err := f.Float32("b"); err != nil || !slices.Equal(x, []float32{4, 5}) {
			t.Errorf("version %d: %v, %v", version, x, err)
		}
	}
}

func TestDamage(t *testing.T) {
	one := gguftest.Floats("a", make([]float32, 32), 32)
	two := gguftest.Floats("b", make([]float32, 32), 32)
	at := func(t gguftest.Tensor, offset int) gguftest.Tensor { t.Offset = offset; return t }
	as := func(t gguftest.Tensor, kind uint32, shape ...int) gguftest.Tensor {
		t.Type, t.Shape = kind, shape
		return t
	}
	file := func(ts ...gguftest.Tensor) []byte { return (&gguftest.File{Tensors: ts}).Bytes() }
	align := func(v any) []byte {
		return (&gguftest.File{KVs: []gguftest.KV{{Key: "general.alignment", Value: v}}, Tensors: []gguftest.Tensor{one}}).Bytes()
	}
	patch := func(b []byte, at int, with ...byte) []byte { copy(b[at:], with); return b }
	whole := file(one)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":       {nil, `"" found, "GGUF" expected`},
		"magic":       {[]byte("GGML0000"), `"GGML" found, "GGUF" expected`},
		"LFS":         {[]byte("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"},
		"version 1":   {(&gguftest.File{Version: 1}).Bytes(), "version 1 found, 2 or 3 expected"},
		"big-endian":  {patch(file(), 4, 0, 0, 0, 3), "big-endian"},
		"many keys":   {patch(file(), 16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), "9223372036854775807 keys, but"},
		"many":        {patch(file(), 8, 0xff, 0xff, 0xff, 0xff), "4294967295 tensors, but"},
		"short":       {whole[:40], "truncated"},
		"cut":         {whole[:len(whole)-4], `tensor "a": bytes 0 to 128 of the data, which has 124: truncated?`},
		"overlap":     {file(one, at(two, 96)), `tensors "a" and "b" overlap at byte 96`},
		"beyond":      {file(at(one, 1<<40)), `tensor "a": bytes 1099511627776`},
		"offset":      {file(at(one, 4)), `"a": offset 4 is no multiple of the alignment 32`},
		"twice":       {file(one, one), `tensor "a" occurs twice`},
		"no name":     {file(gguftest.Floats("", nil, 1)), `"" is not a possible name`},
		"Q8_K":        {file(as(one, 15, 32)), `"a": stored as Q8_K, which is not supported`},
		"IQ3_S":       {file(as(one, 21, 32)), `stored as IQ3_S`},
		"type":        {file(as(one, 999, 32)), `stored as type 999`},
		"half blocks": {file(as(one, 8, 2, 16)), `"a": rows of 16 elements are not whole blocks of 32 (Q8_0)`},
		"no elements": {file(as(one, 0, 0)), `dimension 0 is 0`},
		"too many":    {file(as(one, 0, 1<<30, 1<<30, 1<<30)), `too many elements`},
		"dimensions":  {file(as(one, 0, 1, 1, 1, 1, 32)), "5 dimensions, 1 to 4 expected"},
		"alignment":   {align(uint32(24)), "general.alignment is 24, a uint32 that is a power of two"},
		"alignment 0": {align(uint32(0)), "general.alignment is 0"},
		"text":        {align("64"), `general.alignment is "64"`},
		"key twice":   {(&gguftest.File{KVs: []gguftest.KV{{Key: "k", Value: true}, {Key: "k", Value: true}}}).Bytes(), `key "k" occurs twice`},
		"elements":    {patch((&gguftest.File{KVs: []gguftest.KV{{Key: "k", Value: []int32{1}}}}).Bytes(), 41, 0xff, 0xff, 0xff, 0xff, 0xff), "1099511627775 elements, but"},
		"bool":        {patch((&gguftest.File{KVs: []gguftest.KV{{Key: "k", Value: true}}}).Bytes(), 37, 7), "a bool of 7 found"},
		"value type":  {patch((&gguftest.File{KVs: []gguftest.KV{{Key: "k", Value: true}}}).Bytes(), 33, 77), "value type 77 found"},
	} {
		if _, err := New("file.gguf", c.data); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "file.gguf: ") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "empty.gguf")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "not a GGUF file") {
		t.Errorf("an empty file: %v", err)
	}
}

func FuzzNew(f *testing.F) {
	quants, err := os.ReadFile("testdata/quants.gguf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(quants[:1500])
	f.Add((&gguftest.File{KVs: []gguftest.KV{{Key: "k", Value: []string{"a", "b"}}, {Key: "general.alignment", Value: uint32(8)}},
		Tensors: []gguftest.Tensor{gguftest.Floats("a", []float32{1, 2}, 2)}}).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := New("fuzz", b)
		if err != nil {
			return
		}
		for _, name := range file.Names() {
			info, _ := file.Info(name)
			x, err := file.Float32(name)
			if err != nil || len(x) != info.Len() {
				t.Fatalf("%s: %d of %d elements, %v", name, len(x), info.Len(), err)
			}
		}
		for _, key := range file.Keys() {
			v, _ := file.Value(key)
			_ = v.String()
		}
	})
}
