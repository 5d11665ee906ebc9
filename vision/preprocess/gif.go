package preprocess

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"io"
	"slices"
)

func readGIF(b []byte) (*RGB, []uint8, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	img, err := gif.Decode(bytes.NewReader(b))
	if err != nil {
		whole := gifOfItsPixels(b)
		if whole == nil {
			return nil, nil, err
		}
		if img, err = gif.Decode(bytes.NewReader(whole)); err != nil {
			return nil, nil, err
		}
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
	screen      int     // where the canvas and its palette end
	descriptor  int     // where the first frame begins
	frame       int     // where its data begin
	w, h        int     // of the first frame
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

// gifOfItsPixels is a file that holds all pixels of its first frame, and then breaks off or has more data than these, up to them, with an end put behind; nil if it
// is none. Extensions, of which image/gif does not pass over those that it does not know, are left out.
func gifOfItsPixels(b []byte) []byte {
	g, err := readGIFColours(b)
	if err != nil || g.w == 0 || g.h == 0 || len(b) <= g.frame {
		return nil
	}
	head, rest := slices.Concat(b[:g.screen], b[g.descriptor:g.frame+1]), b[g.frame+1:] // with the width of codes
	var codes []byte
	for len(rest) > 0 && rest[0] != 0 {
		n := min(int(rest[0]), len(rest)-1)
		codes, rest = append(codes, rest[1:1+n]...), rest[1+n:]
	}
	width := int(head[len(head)-1])
	if width < 2 || width > 8 {
		return nil
	}
	pixels := make([]byte, g.w*g.h)
	r := lzw.NewReader(bytes.NewReader(codes), lzw.LSB, width)
	defer r.Close()
	if _, err := io.ReadFull(r, pixels); err != nil {
		return nil
	}
	var out bytes.Buffer
	out.Write(head)
	w := &subBlocks{out: &out}
	lz := lzw.NewWriter(w, lzw.LSB, width)
	if _, err := lz.Write(pixels); err != nil { // a value that the palette cannot have
		return nil
	}
	if err := lz.Close(); err != nil {
		return nil
	}
	w.end()
	out.WriteString("\x00;")
	return out.Bytes()
}

// subBlocks writes data in pieces of up to 255 bytes.
type subBlocks struct {
	out  *bytes.Buffer
	held []byte
}

func (s *subBlocks) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	for len(s.held) > 255 {
		s.out.WriteByte(255)
		s.out.Write(s.held[:255])
		s.held = s.held[255:]
	}
	return len(p), nil
}

func (s *subBlocks) end() {
	if len(s.held) > 0 {
		s.out.WriteByte(byte(len(s.held)))
		s.out.Write(s.held)
	}
}

// readGIFColours walks the blocks up to the first frame.
func readGIFColours(b []byte) (g gifColours, err error) {
	g.transparent = -1
	all := len(b)
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
	g.screen = all - len(b)
	for err == nil {
		block := cut(1)
		if block == nil {
			break
		}
		switch block[0] {
		case 0x2c: // image descriptor
			g.descriptor = all - len(b) - 1
			if h := cut(9); h != nil {
				g.w, g.h = int(binary.LittleEndian.Uint16(h[4:])), int(binary.LittleEndian.Uint16(h[6:]))
				if h[8]&0x80 != 0 {
					g.table = colours(h[8])
				}
			}
			g.frame = all - len(b)
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
