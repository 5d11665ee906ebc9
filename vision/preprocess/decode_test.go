package preprocess

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestDecodeEqualsPillow(t *testing.T) {
	for _, g := range goldens(t).Decode {
		b := read(t, g.File)
		for _, c := range []struct {
			how  string
			d    Decoder
			want string
		}{
			{"convert RGB", Decoder{}, g.RGB},
			{"over white", Decoder{OverWhite: true}, g.White},
			{"upright", Decoder{Orient: true}, g.Upright},
		} {
			m, err := c.d.Decode(b)
			if err != nil {
				t.Errorf("%s, %s: %v", g.File, c.how, err)
				continue
			}
			if got := digest(m.Pix); got != c.want {
				t.Errorf("%s, %s: %d x %d pixels hash to %s, want %s", g.File, c.how, m.W, m.H, got, c.want)
			}
		}
	}
}

func TestDecodeJPEGEqualsPillow(t *testing.T) {
	for _, file := range goldens(t).JPEG {
		got, err := Decode(read(t, file), 0)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		want, err := Decode(read(t, strings.TrimSuffix(file, "jpg")+"png"), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got.W != want.W || got.H != want.H || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: %d x %d pixels differ from Pillow's %d x %d", file, got.W, got.H, want.W, want.H)
		}
	}
}

func TestDecodeTurnsJPEGUpright(t *testing.T) {
	b := read(t, "jpeg/orientation5.jpg")
	flat, err := Decode(b, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decoder{Orient: true}.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if flat.W != 24 || flat.H != 16 || m.W != 16 || m.H != 24 {
		t.Fatalf("%d x %d and upright %d x %d, want 24 x 16 and 16 x 24", flat.W, flat.H, m.W, m.H)
	}
	for y := range m.H {
		for x := range m.W {
			if m.At(x, y) != flat.At(y, x) {
				t.Fatalf("(%d, %d) is %v, want the transposed picture's %v", x, y, m.At(x, y), flat.At(y, x))
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	whole := read(t, "photo.png")
	animated := append([]byte("RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02"), make([]byte, 32)...)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":         {nil, "want JPEG, PNG"},
		"text":          {[]byte("<svg></svg>"), "unknown picture format"},
		"truncated png": {whole[:len(whole)/2], "png of"},
		"truncated jpeg": {func() []byte {
			b := read(t, "jpeg/444.jpg")
			return b[:len(b)/2]
		}(), "cut off"},
		"bomb":             {read(t, "bomb_60k_norows.png"), "60000 x 60000"},
		"oversized bmp":    {read(t, "reallybig.bmp"), "3000000 x 2000000"},
		"bad bmp":          {read(t, "l2rgb_read.bmp"), "bmp"},
		"bad palette":      {read(t, "invalid-palette-ref.tiff"), "palette index 70, the palette has 65"},
		"animated webp":    {animated, "webp of 53 bytes: there is no picture"},
		"gif without data": {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), "gif"},
	} {
		m, err := Decode(c.b, 0)
		if err == nil {
			t.Errorf("%s: %d x %d pixels, want an error", name, m.W, m.H)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

func TestDecodeKeepsThePixelCap(t *testing.T) {
	b := read(t, "photo.png") // 180 x 150
	if _, err := Decode(b, 180*150); err != nil {
		t.Errorf("at the cap: %v", err)
	}
	_, err := Decode(b, 180*150-1)
	var large *TooLargeError
	if !errors.As(err, &large) {
		t.Fatalf("over the cap: %v, want a TooLargeError", err)
	}
	if want := (TooLargeError{Format: "png", Width: 180, Height: 150, MaxPixels: 180*150 - 1}); *large != want {
		t.Errorf("%+v, want %+v", *large, want)
	}
}

func TestDecodePanicBecomesError(t *testing.T) {
	f := &format{name: "png"}
	d := Decoder{}
	m, err := d.decode(f, read(t, "tiny.png"), 1, 1) // a nil read function
	if err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("%v, %v, want the panic as an error", m, err)
	}
}

func TestDecodeSixteenBitColour(t *testing.T) {
	src := image.NewNRGBA64(image.Rect(0, 0, 2, 1))
	src.SetNRGBA64(0, 0, color.NRGBA64{0x12ff, 0x3400, 0x56aa, 0xffff})
	src.SetNRGBA64(1, 0, color.NRGBA64{0xff00, 0x00ff, 0x80ff, 0x1000})
	var b bytes.Buffer
	if err := png.Encode(&b, src); err != nil {
		t.Fatal(err)
	}
	m, err := Decode(b.Bytes(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{0x12, 0x34, 0x56, 0xff, 0, 0x80}; !bytes.Equal(m.Pix, want) {
		t.Errorf("%x, want the high bytes %x", m.Pix, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"formats/*", "jpeg/*.jpg", "damaged/*.jpg", "*.png", "*.bmp", "*.tiff", "*.webp"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			name, _ := filepath.Rel("testdata", file)
			if b := read(f, name); len(b) < 8<<10 {
				f.Add(b)
			}
		}
	}
	const limit = 1 << 16
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decoder{MaxPixels: limit, Orient: true, OverWhite: true}.Decode(b)
		if err != nil {
			if m != nil {
				t.Error("a picture beside an error")
			}
			if strings.Contains(err.Error(), "panicked") { // caught, and to be mended all the same
				t.Error(err)
			}
			return
		}
		if err := m.check(); err != nil {
			t.Error(err)
		}
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		if memory.HeapAlloc > 256<<20 {
			t.Errorf("%d bytes of heap", memory.HeapAlloc)
		}
		if m.W*m.H > limit {
			t.Errorf("%d x %d pixels, want at most %d", m.W, m.H, limit)
		}
	})
}

func TestMaxPixels(t *testing.T) {
	b := read(t, "photo.png") // 180 x 150
	if _, _, err := (Decoder{MaxPixels: 180 * 150}).Size(b); err != nil {
		t.Error(err)
	}
	if _, _, err := (Decoder{MaxPixels: 180*150 - 1}).Size(b); err == nil || !strings.Contains(err.Error(), "max_pixels") {
		t.Errorf("error %v, want the key", err)
	}
	if _, _, err := (Decoder{MaxPixels: LargestMaxPixels}).Size(read(t, "bomb_60k_norows.png")); err == nil || strings.Contains(err.Error(), "max_pixels") {
		t.Errorf("error %v, want one that no key helps against", err)
	}
	for n, ok := range map[int]bool{-1: false, 0: true, LargestMaxPixels: true, LargestMaxPixels + 1: false} {
		if err := CheckMaxPixels(n); (err == nil) != ok {
			t.Errorf("%d: %v", n, err)
		}
	}
}
