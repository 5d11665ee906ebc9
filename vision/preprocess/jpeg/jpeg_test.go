package jpeg

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// files are those of the package above, where they are compared with Pillow to the bit.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../testdata/jpeg/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = b
	}
	return all
}

// edit replaces bytes behind the first place of a marker.
func edit(t *testing.T, b []byte, marker string, at int, with ...byte) []byte {
	t.Helper()
	i := bytes.Index(b, []byte(marker))
	if i < 0 {
		t.Fatalf("% x is not in the file", marker)
	}
	b = bytes.Clone(b)
	copy(b[i+2+at:], with)
	return b
}

func TestDecodeRefuses(t *testing.T) {
	all := files(t)
	whole, progressive, grey := all["420.jpg"], all["progressive.jpg"], all["grey.jpg"]
	scan := bytes.Index(whole, []byte{0xff, sos})
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":            {nil, "does not begin with FF D8"},
		"the signature":      {whole[:2], "cut off"},
		"no end":             {progressive[:len(progressive)-2], "cut off"},
		"20 less":            {whole[:len(whole)-20], "end of the file comes before the end of the scan"},
		"no scan":            {append(bytes.Clone(whole[:scan]), 0xff, eoi), "component 0: no scan"},
		"a scan too early":   {[]byte{0xff, soi, 0xff, sos, 0, 2}, "FF DA comes before the frame"},
		"arithmetic":         {edit(t, whole, "\xff\xc0", -1, 0xc9), "arithmetic coding"},
		"lossless":           {edit(t, whole, "\xff\xc0", -1, 0xc3), "lossless"},
		"12 bits":            {edit(t, whole, "\xff\xc0", 2, 12), "12 bits, want 8"},
		"no height":          {edit(t, whole, "\xff\xc0", 3, 0, 0), "65 x 0 pixels"},
		"bomb":               {edit(t, whole, "\xff\xc0", 3, 0xff, 0xff, 0xff, 0xff), "65535 x 65535 pixels are"},
		"two components":     {edit(t, whole, "\xff\xc0", 7, 2), "2 components, want 1, 3 or 4"},
		"sampling 0":         {edit(t, whole, "\xff\xc0", 9, 0x02), "sampling factors 0 x 2"},
		"sampling 3 to 2":    {edit(t, whole, "\xff\xc0", 9, 0x32, 0, 2, 0x21), "no whole ratio"},
		"one name twice":     {edit(t, whole, "\xff\xc0", 11, 1), "two components have the identifier 1"},
		"another component":  {edit(t, whole, "\xff\xda", 3, 9), "it names component 9"},
		"no such table":      {edit(t, whole, "\xff\xda", 4, 0x33), "Huffman table is missing"},
		"no quantisation":    {edit(t, whole, "\xff\xc0", 10, 3), "quantisation table 3 is missing"},
		"Huffman overflow":   {edit(t, whole, "\xff\xc4", 3, 3, 0, 3), "more codes than 1 bits have"},
		"short segment":      {edit(t, whole, "\xff\xc4", 0, 0, 1), "has length 1"},
		"long segment":       {edit(t, whole, "\xff\xc4", 0, 0xff, 0xff), "cut off"},
		"a second picture":   {append(bytes.Clone(grey[:len(grey)-2]), grey...), "a second FF D8"},
		"incomplete scans":   {append(bytes.Clone(progressive[:bytes.LastIndex(progressive, []byte{0xff, sos})]), 0xff, eoi), "before coefficient 1 is complete"},
		"a scan twice":       {append(bytes.Clone(grey[:len(grey)-2]), grey[bytes.Index(grey, []byte{0xff, sos}):]...), "a second scan"},
		"no such refinement": {edit(t, progressive, "\xff\xda", 11, 0x42), "no progressive scan has"},
	} {
		p, err := Decode(c.b)
		if err == nil {
			t.Errorf("%s: %d x %d, want an error", name, p.W, p.H)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	if _, _, err := Size(whole[:20]); !errors.Is(err, errTruncated) {
		t.Errorf("size of 20 bytes: %v", err)
	}
}

// TestRestarts: what is between two markers can be decoded whatever happened before; a missing marker is an error.
func TestRestarts(t *testing.T) {
	b := files(t)["restart.jpg"]
	if b == nil {
		t.Fatal("restart.jpg is missing")
	}
	if _, err := Decode(b); err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b, []byte{0xff, rst0 + 1})
	if i < 0 {
		t.Fatal("restart.jpg has no second restart marker")
	}
	b = bytes.Clone(b)
	b[i+1] = rst0 + 3
	if _, err := Decode(b); err == nil || !strings.Contains(err.Error(), "FF D3 where FF D1 restarts") {
		t.Errorf("%v, want the wrong marker named", err)
	}
}

// TestStandardTables: a file that has them decodes without them.
func TestStandardTables(t *testing.T) {
	b := files(t)["444.jpg"]
	want, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for {
		i := bytes.Index(b, []byte{0xff, dht})
		if i < 0 {
			break
		}
		b = append(bytes.Clone(b[:i]), b[i+2+int(b[i+2])<<8+int(b[i+3]):]...)
	}
	got, err := Decode(b)
	if err != nil || !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("without tables: %v, or other pixels", err)
	}
}

// TestNearImageJPEG: the two inverse transforms differ by no more than a rounding.
func TestNearImageJPEG(t *testing.T) {
	b := files(t)["grey.jpg"]
	p, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	want, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	g := want.(*image.Gray)
	for y := range p.H {
		for x := range p.W {
			d := int(p.Pix[y*p.W+x]) - int(g.GrayAt(x, y).Y)
			if d < -1 || d > 1 {
				t.Fatalf("(%d, %d) differs by %d", x, y, d)
			}
		}
	}
}

// TestIDCT: a flat block has one value, and values that no encoder makes are clipped.
func TestIDCT(t *testing.T) {
	var q [64]uint16
	for i := range q {
		q[i] = 3
	}
	for dc, want := range map[int16]uint8{0: 128, 8: 131, -8: 125, 1000: 255, -1000: 0, 32767: 127} {
		b := [64]int16{dc}
		var out [64]uint8
		idct(&b, &q, out[:], 8)
		for i, v := range out {
			if v != want && dc != 32767 {
				t.Fatalf("DC %d: sample %d is %d, want %d", dc, i, v, want)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	const limit = 1 << 16
	f.Fuzz(func(t *testing.T, b []byte) {
		w, h, err := Size(b)
		if err != nil || w*h > limit {
			return
		}
		p, err := Decode(b)
		if err != nil {
			if p != nil {
				t.Error("a picture beside an error")
			}
			return
		}
		if p.W != w || p.H != h || len(p.Pix) != w*h*p.Model.Channels() {
			t.Errorf("%d x %d with %d bytes, want %d x %d", p.W, p.H, len(p.Pix), w, h)
		}
		if _, err := DecodeAbbreviated(nil, b, w, h, true); err != nil {
			t.Errorf("whole, but not as a strip: %v", err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > 256<<20 {
			t.Errorf("%d bytes of heap", m.HeapAlloc)
		}
	})
}
