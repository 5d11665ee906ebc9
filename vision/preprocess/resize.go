package preprocess

import (
	"fmt"
	"image"
)

// Resize is Pillow's Image.resize((w, h), f) for mode "RGB": two passes (columns, then rows) with 8 bits between them
// and 22-bit fixed-point weights, equal to it bit for bit. It is an error if the filter is unknown, a side is outside 1
// to MaxSide or the result is over DefaultMaxPixels.
func Resize(src *RGB, w, h int, f Filter) (*RGB, error) {
	if err := src.check(); err != nil {
		return nil, err
	}
	if !f.valid() {
		return nil, fmt.Errorf("preprocess: resample is %d, want 0 to %d", int(f), len(filterNames)-1)
	}
	if err := checkTarget(w, h); err != nil {
		return nil, err
	}
	return newCanvas(src, nil).resize(w, h, f, image.Rect(0, 0, w, h)), nil
}

func checkTarget(w, h int) error {
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide || int64(w)*int64(h) > DefaultMaxPixels {
		return fmt.Errorf("preprocess: target of %d x %d pixels, want at least 1 x 1, at most %d pixels and no side over %d",
			w, h, DefaultMaxPixels, MaxSide)
	}
	return nil
}

// canvas is a picture with, perhaps, one colour around it. The padding is never stored: a mile of it costs nothing.
type canvas struct {
	img  *RGB
	w, h span
	fill [3]uint8
}

// newCanvas pads to a square where a colour is given: LLaVA's expand2square, in which the smaller half of an
// odd margin comes first.
func newCanvas(img *RGB, square *[3]uint8) canvas {
	c := canvas{img: img, w: span{img.W, 0, img.W}, h: span{img.H, 0, img.H}}
	if square != nil {
		side := max(img.W, img.H)
		c.w = span{side, (side - img.W) / 2, img.W}
		c.h = span{side, (side - img.H) / 2, img.H}
		c.fill = *square
	}
	return c
}

// resize brings the canvas to w x h and returns the window of the result, computing nothing outside it. Where the
// window reaches beyond the result it is black.
func (c canvas) resize(w, h int, f Filter, window image.Rectangle) *RGB {
	out := NewRGB(window.Dx(), window.Dy())
	in := window.Intersect(image.Rect(0, 0, w, h))
	if in.Empty() {
		return out
	}
	// dst is the part of out's row y that lies on the result.
	dst := func(y int) []uint8 {
		x := in.Min.X - window.Min.X
		return out.row(y + in.Min.Y - window.Min.Y)[3*x : 3*(x+in.Dx())]
	}
	if f == Nearest && (w != c.w.canvas || h != c.h.canvas) {
		c.nearest(w, h, in, dst)
		return out
	}
	cols := newAxis(f, c.w, w, in.Min.X, in.Max.X)
	rows := newAxis(f, c.h, h, in.Min.Y, in.Max.Y)
	p := newPass(c, cols, rows.longest)
	acc := make([]int32, 3*in.Dx())
	for y := range in.Dy() {
		first, k := rows.at(y)
		outside := rows.padding[y]
		for i, v := range p.blank {
			acc[i] = half + int32(v)*outside
		}
		for j, weight := range k {
			row := p.row(first + j)[:len(acc)]
			for i, v := range row {
				acc[i] += int32(v) * weight
			}
		}
		d := dst(y)[:len(acc)]
		for i, v := range acc {
			d[i] = clamp(v >> fixedBits)
		}
	}
	return out
}

// half rounds a fixed-point sum.
const half = 1 << (fixedBits - 1)

// pass is the first of the two: rows of the picture with their columns resized, each made once and kept while the
// second pass can still ask for it.
type pass struct {
	canvas
	cols  *axis
	blank []uint8 // a row of padding after the pass
	ring  []uint8 // the last rows made
	rows  int     // how many the ring holds
	next  int     // the first row not made
}

func newPass(c canvas, cols *axis, rows int) *pass {
	n := len(cols.first)
	p := &pass{canvas: c, cols: cols, rows: max(rows, 1), blank: make([]uint8, 3*n)}
	p.ring = make([]uint8, p.rows*3*n)
	for x := range n {
		_, k := cols.at(x)
		total := cols.padding[x]
		for _, v := range k {
			total += v
		}
		for i, v := range c.fill {
			p.blank[3*x+i] = clamp((half + int32(v)*total) >> fixedBits)
		}
	}
	return p
}

// row returns row y; calls may not go back by more than the ring holds.
func (p *pass) row(y int) []uint8 {
	n := len(p.blank)
	at := func(y int) []uint8 { return p.ring[y%p.rows*n:][:n] }
	for p.next = max(p.next, y-p.rows+1); p.next <= y; p.next++ {
		p.make(p.img.row(p.next), at(p.next))
	}
	return at(y)
}

func (p *pass) make(src, dst []uint8) {
	f0, f1, f2 := int32(p.fill[0]), int32(p.fill[1]), int32(p.fill[2])
	for x, outside := range p.cols.padding {
		first, k := p.cols.at(x)
		s := src[3*first : 3*(first+len(k))]
		r, g, b := half+f0*outside, half+f1*outside, half+f2*outside
		for i, weight := range k {
			q := s[3*i : 3*i+3 : 3*i+3]
			r += int32(q[0]) * weight
			g += int32(q[1]) * weight
			b += int32(q[2]) * weight
		}
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0], d[1], d[2] = clamp(r>>fixedBits), clamp(g>>fixedBits), clamp(b>>fixedBits)
	}
}

// nearest is Pillow's affine scaling, which adds up the source position step by step, with its rounding.
func (c canvas) nearest(w, h int, in image.Rectangle, dst func(y int) []uint8) {
	xs := nearestIndex(c.w.canvas, w, in.Min.X, in.Max.X)
	for i, sy := range nearestIndex(c.h.canvas, h, in.Min.Y, in.Max.Y) {
		d := dst(i)
		for x, sx := range xs {
			px, py := sx-c.w.start, sy-c.h.start
			switch {
			case sx >= c.w.canvas || sy >= c.h.canvas: // beyond the canvas by rounding: black
			case px < 0 || px >= c.w.size || py < 0 || py >= c.h.size:
				copy(d[3*x:], c.fill[:])
			default:
				copy(d[3*x:3*x+3], c.img.Pix[3*(py*c.img.W+px):])
			}
		}
	}
}

func nearestIndex(in, out, from, end int) []int {
	step := float64(in) / float64(out)
	index := make([]int, 0, end-from)
	at := step * 0.5
	for o := range end {
		if o >= from {
			index = append(index, int(at))
		}
		at += step
	}
	return index
}
