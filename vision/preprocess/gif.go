package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
)

func readGIF(b []byte) (*RGB, []uint8, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	img, err := gif.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	p, ok := img.(*image.Paletted)
	if !ok {
		return nil, nil, fmt.Errorf("pixels of type %T, which is not handled", img)
	}
	return fromGIF(b, p, c)
}

// gifColours is what image/gif does not hand out: it blanks the colour of the transparent index, which Pillow shows.
type gifColours struct {
	table       []uint8 // [n, 3], of the first frame
	transparent int     // palette index, or -1
}

// fromGIF puts the first frame on its canvas. Uncovered canvas has the colour of the transparent index if there is
// one, else of index 0, as Pillow fills it.
func fromGIF(b []byte, p *image.Paletted, c image.Config) (*RGB, []uint8, error) {
	g, err := readGIFColours(b)
	if err != nil {
		return nil, nil, err
	}
	var table [256][3]uint8
	for i := range len(g.table) / 3 {
		copy(table[i][:], g.table[3*i:])
	}
	m := NewRGB(c.Width, c.Height)
	var alpha []uint8
	if g.transparent >= 0 {
		alpha = make([]uint8, m.W*m.H)
	}
	for y := range m.H {
		d := m.row(y)
		for x := range m.W {
			index := max(g.transparent, 0)
			if (image.Point{X: x, Y: y}).In(p.Rect) {
				index = int(p.Pix[p.PixOffset(x, y)])
			}
			copy(d[3*x:3*x+3], table[index][:])
			if alpha != nil && index != g.transparent {
				alpha[y*m.W+x] = 255
			}
		}
	}
	return m, alpha, nil
}

var errGIF = errors.New("cut off before the first frame")

// readGIFColours walks the blocks up to the first frame.
func readGIFColours(b []byte) (g gifColours, err error) {
	g.transparent = -1
	cut := func(n int) (head []byte) { // the next n bytes, or nil with err set
		if len(b) < n {
			err = errGIF
			return nil
		}
		head, b = b[:n], b[n:]
		return head
	}
	colours := func(flags uint8) []uint8 {
		if flags&0x80 == 0 {
			return nil
		}
		return cut(3 << (1 + flags&7))
	}
	if h := cut(13); h != nil {
		g.table = colours(h[10])
	}
	for err == nil {
		block := cut(1)
		if block == nil {
			break
		}
		switch block[0] {
		case 0x2c: // image descriptor
			if h := cut(9); h != nil && h[8]&0x80 != 0 {
				g.table = colours(h[8])
			}
			return g, err
		case 0x21: // extension: label, then sub-blocks
			label := cut(1)
			for n := cut(1); n != nil && n[0] != 0; n = cut(1) {
				if d := cut(int(n[0])); len(d) >= 4 && label[0] == 0xf9 && d[0]&1 != 0 {
					g.transparent = int(d[3])
				}
			}
		default:
			err = errGIF
		}
	}
	return g, err
}
