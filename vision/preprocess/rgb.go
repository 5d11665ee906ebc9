package preprocess

import (
	"fmt"
	"image"
	"image/color"
)

// RGB is a picture of 8-bit RGB pixels without alpha, Pillow's mode "RGB". It implements image.Image.
type RGB struct {
	W, H int
	Pix  []uint8 // [H, W, 3]
}

// NewRGB returns a black picture of w x h pixels.
func NewRGB(w, h int) *RGB { return &RGB{W: w, H: h, Pix: make([]uint8, 3*w*h)} }

// ColorModel is that of opaque 8-bit colours.
func (m *RGB) ColorModel() color.Model { return color.NRGBAModel }

// Bounds starts at the origin.
func (m *RGB) Bounds() image.Rectangle { return image.Rect(0, 0, m.W, m.H) }

// At returns the pixel of column x and row y, or black with alpha zero outside the picture.
func (m *RGB) At(x, y int) color.Color {
	if x < 0 || y < 0 || x >= m.W || y >= m.H {
		return color.NRGBA{}
	}
	p := m.Pix[3*(y*m.W+x):][:3]
	return color.NRGBA{p[0], p[1], p[2], 255}
}

// Crop is a copy of the part of w x h pixels whose upper left corner is x, y. The part must lie in the picture.
func (m *RGB) Crop(x, y, w, h int) *RGB {
	out := NewRGB(w, h)
	for r := range h {
		copy(out.row(r), m.row(y + r)[3*x:])
	}
	return out
}

// row is the bytes of row y.
func (m *RGB) row(y int) []uint8 { return m.Pix[3*y*m.W : 3*(y+1)*m.W] }

// check says what is wrong with a picture somebody else made.
func (m *RGB) check() error {
	switch {
	case m == nil:
		return fmt.Errorf("preprocess: no picture (nil)")
	case m.W < 1 || m.H < 1 || m.W > MaxSide || m.H > MaxSide:
		return fmt.Errorf("preprocess: picture is %d x %d, want sides of 1 to %d", m.W, m.H, MaxSide)
	case len(m.Pix) != 3*m.W*m.H:
		return fmt.Errorf("preprocess: picture of %d x %d has %d bytes, want %d", m.W, m.H, len(m.Pix), 3*m.W*m.H)
	}
	return nil
}

// nrgba copies the picture into the type that imaging handles without conversions.
func (m *RGB) nrgba() *image.NRGBA {
	o := image.NewNRGBA(m.Bounds())
	for i, j := 0, 0; j < len(m.Pix); i, j = i+4, j+3 {
		o.Pix[i], o.Pix[i+1], o.Pix[i+2], o.Pix[i+3] = m.Pix[j], m.Pix[j+1], m.Pix[j+2], 255
	}
	return o
}

// fromNRGBA copies an opaque picture back.
func fromNRGBA(n *image.NRGBA) *RGB {
	m := NewRGB(n.Rect.Dx(), n.Rect.Dy())
	for y := range m.H {
		s, d := n.Pix[y*n.Stride:], m.row(y)
		for i, j := 0, 0; j < len(d); i, j = i+4, j+3 {
			d[j], d[j+1], d[j+2] = s[i], s[i+1], s[i+2]
		}
	}
	return m
}
