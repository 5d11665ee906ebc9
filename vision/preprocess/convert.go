package preprocess

import (
	"fmt"
	"image"
	"image/color"
)

// convert brings what decoders of Go's kind return to RGB by Pillow's rules. alpha [H*W] is nil for an opaque picture.
func convert(img image.Image) (m *RGB, alpha []uint8, err error) {
	switch p := img.(type) {
	case *image.Gray:
		return fromGray(p.Pix, p.Stride, p.Rect.Dx(), p.Rect.Dy()), nil, nil
	case *image.Gray16:
		return fromGray16(p.Pix, p.Stride, 2, p.Rect), nil, nil
	case *image.RGBA: // opaque PNG: nothing is multiplied
		m, _, err = fromStraight(p.Pix, p.Stride, 1, p.Rect)
		return m, nil, err
	case *image.RGBA64:
		m, _, err = fromStraight(p.Pix, p.Stride, 2, p.Rect)
		return m, nil, err
	case *image.NRGBA:
		return fromStraight(p.Pix, p.Stride, 1, p.Rect)
	case *image.NRGBA64:
		return fromStraight(p.Pix, p.Stride, 2, p.Rect)
	case *image.Paletted:
		return fromPaletted(p)
	}
	return nil, nil, fmt.Errorf("pixels of type %T, which is not handled", img)
}

func fromGray(pix []uint8, stride, w, h int) *RGB {
	m := NewRGB(w, h)
	for y := range m.H {
		d := m.row(y)
		for x, v := range pix[y*stride:][:m.W] {
			d[3*x], d[3*x+1], d[3*x+2] = v, v, v
		}
	}
	return m
}

// fromGray16 takes the first two of step bytes a pixel, high byte first, and clips at 255: Pillow's I;16 holds
// integers and no intensities, and convert("RGB") does not scale them.
func fromGray16(pix []uint8, stride, step int, r image.Rectangle) *RGB {
	m := NewRGB(r.Dx(), r.Dy())
	for y := range m.H {
		s, d := pix[y*stride:], m.row(y)
		for x := range m.W {
			v := s[step*x+1]
			if s[step*x] != 0 {
				v = 255
			}
			d[3*x], d[3*x+1], d[3*x+2] = v, v, v
		}
	}
	return m
}

// fromCMYK is Pillow's cmyk2rgb of pix [h, w, 4].
func fromCMYK(pix []uint8, w, h int) *RGB {
	m := NewRGB(w, h)
	for i := range w * h {
		s, d := pix[4*i:4*i+4], m.Pix[3*i:3*i+3]
		nk := 255 - int(s[3])
		for c := range d {
			t := int(s[c])*nk + 128
			d[c] = uint8(nk - (t>>8+t)>>8) // at most nk, never negative
		}
	}
	return m
}

// fromStraight drops the alpha of RGBA with channels of size bytes (big-endian: the first byte is the high one) and
// returns it beside.
func fromStraight(pix []uint8, stride, size int, r image.Rectangle) (*RGB, []uint8, error) {
	m := NewRGB(r.Dx(), r.Dy())
	alpha := make([]uint8, m.W*m.H)
	for y := range m.H {
		s, d, a := pix[y*stride:], m.row(y), alpha[y*m.W:(y+1)*m.W]
		for x := range a {
			q := s[4*size*x:][:4*size]
			d[3*x], d[3*x+1], d[3*x+2], a[x] = q[0], q[size], q[2*size], q[3*size]
		}
	}
	return m, alpha, nil
}

// divide undoes the multiplication of colours by alpha (a TIFF's associated alpha): Pillow's unpacker truncates.
// Opaque pictures have no alpha.
func divide(m *RGB, alpha []uint8) (*RGB, []uint8, error) {
	opaque := true
	for i, a := range alpha {
		if a == 255 {
			continue
		}
		opaque = false
		q := m.Pix[3*i:][:3]
		for c, v := range q {
			if a == 0 {
				q[c] = 0
			} else {
				q[c] = uint8(min(255*int(v)/int(a), 255))
			}
		}
	}
	if opaque {
		alpha = nil
	}
	return m, alpha, nil
}

// fromPaletted looks colours up; transparency of the palette becomes alpha and the colour under it is kept.
func fromPaletted(p *image.Paletted) (*RGB, []uint8, error) {
	var table [256]color.NRGBA
	opaque := true
	for i, c := range p.Palette[:min(len(p.Palette), 256)] {
		table[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
		opaque = opaque && table[i].A == 255
	}
	m := NewRGB(p.Rect.Dx(), p.Rect.Dy())
	var alpha []uint8
	if !opaque {
		alpha = make([]uint8, m.W*m.H)
	}
	for y := range m.H {
		d := m.row(y)
		for x, v := range p.Pix[y*p.Stride:][:m.W] {
			if int(v) >= len(p.Palette) {
				return nil, nil, fmt.Errorf("pixel (%d, %d) has palette index %d, the palette has %d colours", x, y, v, len(p.Palette))
			}
			c := table[v]
			d[3*x], d[3*x+1], d[3*x+2] = c.R, c.G, c.B
			if alpha != nil {
				alpha[y*m.W+x] = c.A
			}
		}
	}
	return m, alpha, nil
}

// overWhite is PIL.Image.alpha_composite onto opaque white.
func overWhite(m *RGB, alpha []uint8) {
	const shift = 7 // Pillow's PRECISION_BITS
	for i, a := range alpha {
		if a == 255 {
			continue
		}
		// src coefficient a/255 in 7 extra bits; the background's is what is missing to one.
		ks := uint32(a) * 255 * 255 << shift / (255 * 255)
		kd := uint32(255<<shift) - ks
		q := m.Pix[3*i:][:3]
		for c, v := range q {
			t := uint32(v)*ks + 255*kd + 0x80<<shift
			q[c] = uint8(((t >> 8) + t) >> 8 >> shift)
		}
	}
}
