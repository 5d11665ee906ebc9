package preprocess

import "fmt"

func sizeTIFF(b []byte) (w, h int, err error) {
	t, err := readTIFFHeader(b)
	if err != nil {
		return 0, 0, err
	}
	return t.w, t.h, nil
}

// readTIFF reads the first picture of a file as Pillow and libtiff do.
func readTIFF(b []byte) (*RGB, []uint8, error) {
	t, err := readTIFFHeader(b)
	if err != nil {
		return nil, nil, err
	}
	if t.bits == 16 && t.photometric == tiffWhiteIsZero && t.order.String() != "LittleEndian" {
		return nil, nil, fmt.Errorf("16 bits with 0 for white in big-endian order, which Pillow does not read")
	}
	var pix []uint8 // [h, w, samples], high bytes of 16 bits; grey of 16 bits is clipped at 255
	index := 0
	for plane := range t.planes() {
		for by := range t.down() {
			rows := t.blockH
			if !t.tiled {
				rows = min(rows, t.h-by*t.blockH)
			}
			for bx := range t.across() {
				block, err := t.block(index, rows)
				if err != nil {
					return nil, nil, err
				}
				index++
				if pix == nil { // not before there are data
					pix = make([]uint8, t.w*t.h*t.samples)
				}
				t.place(pix, block, bx*t.blockW, by*t.blockH, plane)
			}
		}
	}
	return t.colours(pix)
}

// place spreads the samples of a block, whose first pixel is at x0, y0.
func (t *tiffHeader) place(pix []uint8, block []byte, x0, y0, plane int) {
	w, h, n := min(t.blockW, t.w-x0), min(t.blockH, t.h-y0), t.perBlock()
	for y := range h {
		s := block[y*t.rowBytes():][:t.rowBytes()]
		d := pix[((y0+y)*t.w+x0)*t.samples+plane:]
		for i := range w * n {
			at := i/n*t.samples + i%n
			switch t.bits {
			case 8:
				d[at] = s[i]
			case 16:
				d[at] = t.high(t.order.Uint16(s[2*i:]))
			default:
				bit := i * t.bits
				d[at] = s[bit/8] >> (8 - t.bits - bit%8) & (1<<t.bits - 1)
			}
		}
	}
}

// high makes a byte of 16 bits: Pillow takes colours for intensities and a single channel for integers.
func (t *tiffHeader) high(v uint16) uint8 {
	if t.samples == 1 {
		return uint8(min(v, 255))
	}
	return uint8(v >> 8)
}

// colours makes RGB of samples. alpha is nil where there is none.
func (t *tiffHeader) colours(pix []uint8) (*RGB, []uint8, error) {
	var m *RGB
	switch t.photometric {
	case tiffWhiteIsZero, tiffBlackIsZero:
		m = t.grey(pix)
	case tiffPalette:
		var err error
		if m, err = t.lookUp(pix); err != nil {
			return nil, nil, err
		}
	case tiffCMYK:
		four := pix
		if t.samples > 4 {
			four = t.first(pix, 4)
		}
		m = fromCMYK(four, t.w, t.h)
	default:
		m = &RGB{W: t.w, H: t.h, Pix: t.first(pix, 3)}
	}
	if t.photometric == tiffCMYK || len(t.extra) == 0 || t.extra[0] == 0 {
		return m, nil, nil
	}
	alpha := make([]uint8, t.w*t.h)
	at := t.samples - len(t.extra)
	for i := range alpha {
		alpha[i] = pix[i*t.samples+at]
	}
	if t.extra[0] == 1 {
		return divide(m, alpha)
	}
	return m, alpha, nil
}

// first are the first n samples of each pixel.
func (t *tiffHeader) first(pix []uint8, n int) []uint8 {
	if t.samples == n {
		return pix
	}
	out := make([]uint8, 0, t.w*t.h*n)
	for i := 0; i < len(pix); i += t.samples {
		out = append(out, pix[i:i+n]...)
	}
	return out
}

// grey stretches fewer bits to eight. White at zero is not turned around at 16 bits, as in Pillow.
func (t *tiffHeader) grey(pix []uint8) *RGB {
	stretch := uint8(1)
	if t.bits < 8 {
		stretch = 255 / (1<<t.bits - 1)
	}
	m := NewRGB(t.w, t.h)
	for i := range t.w * t.h {
		v := pix[i*t.samples] * stretch
		if t.photometric == tiffWhiteIsZero && t.bits <= 8 {
			v = 255 - v
		}
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = v, v, v
	}
	return m
}

// lookUp takes colours from the map: all reds, greens and blues of 16 bits.
func (t *tiffHeader) lookUp(pix []uint8) (*RGB, error) {
	n := t.tags[tagColours].count / 3
	if n == 0 {
		return nil, fmt.Errorf("a palette picture without colour map")
	}
	m := NewRGB(t.w, t.h)
	for i := range t.w * t.h {
		v := int(pix[i*t.samples])
		if v >= n {
			return nil, fmt.Errorf("pixel (%d, %d) has palette index %d, the palette has %d colours", i%t.w, i/t.w, v, n)
		}
		for c := range 3 {
			m.Pix[3*i+c] = uint8(t.value(tagColours, c*n+v, 0) >> 8)
		}
	}
	return m, nil
}
