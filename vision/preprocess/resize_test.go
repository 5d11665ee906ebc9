package preprocess

import (
	"bytes"
	"image"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestResizeEqualsPillow(t *testing.T) {
	turned := 0
	for _, g := range goldens(t).Resize {
		src := picture(t, g.File)
		for order, want := range map[Order]string{ColumnsFirst: g.ColumnsFirst, Pillow13: g.Pillow13} {
			m, err := ResizeOrdered(src, g.W, g.H, g.Filter, order)
			if err != nil {
				t.Fatal(err)
			}
			if got := digest(m.Pix); got != want {
				t.Errorf("%s to %d x %d, %v, order %d: pixels hash to %s, want %s", g.File, g.W, g.H, g.Filter, order, got, want)
			}
		}
		if g.ColumnsFirst != g.Pillow13 {
			turned++
		}
	}
	if turned == 0 {
		t.Error("the goldens do not tell the orders apart")
	}
}

func noise(w, h int) *RGB {
	r := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	m := NewRGB(w, h)
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
	}
	return m
}

// padded is what canvas only pretends to be.
func padded(src *RGB, fill [3]uint8) *RGB {
	side := max(src.W, src.H)
	m := NewRGB(side, side)
	for i := range m.Pix {
		m.Pix[i] = fill[i%3]
	}
	for y := range src.H {
		copy(m.row(y + (side-src.H)/2)[3*((side-src.W)/2):], src.row(y))
	}
	return m
}

func TestPaddingEqualsAPaddedPicture(t *testing.T) {
	fill := [3]uint8{122, 116, 104}
	for _, size := range [][2]int{{1, 1}, {1, 40}, {40, 1}, {17, 30}, {31, 17}, {33, 32}} {
		src := noise(size[0], size[1])
		side := max(size[0], size[1])
		for f := Nearest; f <= Hamming; f++ {
			for _, o := range []Order{ColumnsFirst, Pillow13} {
				for _, to := range [][2]int{{side, side}, {8, 8}, {64, 9}, {9, 64}, {side, 5}, {5, side}} {
					w, h := to[0], to[1]
					want := newCanvas(padded(src, fill), nil).resize(w, h, f, o, image.Rect(0, 0, w, h))
					got := newCanvas(src, &fill).resize(w, h, f, o, image.Rect(0, 0, w, h))
					if !bytes.Equal(got.Pix, want.Pix) {
						t.Errorf("%v padded and resized to %v by %v in order %d differs from the padded picture resized", size, to, f, o)
					}
				}
			}
		}
	}
}

func TestWindowEqualsACroppedResult(t *testing.T) {
	src := noise(37, 53)
	fill := [3]uint8{1, 2, 3}
	for f := Nearest; f <= Hamming; f++ {
		for _, o := range []Order{ColumnsFirst, Pillow13} {
			c := newCanvas(src, &fill)
			whole := c.resize(44, 29, f, o, image.Rect(0, 0, 44, 29))
			for _, window := range []image.Rectangle{
				image.Rect(5, 6, 20, 21), image.Rect(-3, -4, 50, 40), image.Rect(40, 20, 60, 50), image.Rect(50, 50, 60, 60),
			} {
				got := c.resize(44, 29, f, o, window)
				for y := range got.H {
					for x := range got.W {
						r, g, b, _ := whole.At(x+window.Min.X, y+window.Min.Y).RGBA()
						p := got.Pix[3*(y*got.W+x):][:3]
						if uint32(p[0]) != r>>8 || uint32(p[1]) != g>>8 || uint32(p[2]) != b>>8 {
							t.Fatalf("%v in order %d, window %v: (%d, %d) is %v, want %d %d %d", f, o, window, x, y, p, r>>8, g>>8, b>>8)
						}
					}
				}
			}
		}
	}
}

func TestResizeRefuses(t *testing.T) {
	src := noise(4, 4)
	for _, c := range []struct {
		m    *RGB
		w, h int
		f    Filter
		o    Order
		want string
	}{
		{nil, 1, 1, Bicubic, 0, "nil"},
		{&RGB{W: 2, H: 2, Pix: make([]uint8, 11)}, 1, 1, Bicubic, 0, "11 bytes, want 12"},
		{&RGB{}, 1, 1, Bicubic, 0, "0 x 0"},
		{src, 0, 1, Bicubic, 0, "0 x 1"},
		{src, 1 << 19, 1 << 19, Bicubic, 0, "524288 x 524288"},
		{src, 1, 1, 6, 0, "resample is 6"},
		{src, 1, 1, -1, 0, "resample is -1"},
		{src, 1, 1, Bicubic, 2, "order of passes is 2"},
	} {
		_, err := ResizeOrdered(c.m, c.w, c.h, c.f, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q in it", err, c.want)
		}
	}
}

// TestThinPicturesCostLittle would take gigabytes if padding, the uncropped result or rows between the passes were stored.
func TestThinPicturesCostLittle(t *testing.T) {
	c, err := Default(classCLIP)
	if err != nil {
		t.Fatal(err)
	}
	const long = MaxSide / 32
	for _, size := range [][2]int{{1, long}, {long, 1}} {
		src := noise(size[0], size[1])
		for name, c := range map[string]*Config{"cropped": c, "padded": c.WithPadToSquare(), "squeezed": c.WithSize(64)} {
			if _, err := c.U8(src); err != nil {
				t.Errorf("%v %s: %v", size, name, err)
			}
		}
	}
}

func BenchmarkResize(b *testing.B) {
	src := noise(640, 480)
	for b.Loop() {
		if _, err := Resize(src, 448, 336, Bicubic); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(src.Pix)))
}
