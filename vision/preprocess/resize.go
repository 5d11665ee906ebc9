package preprocess

import (
	"fmt"
	"image"
	"slices"
)

// Order is which dimension is resized first. The result between the passes is rounded to 8 bits, so the order shows.
type Order int

const (
	// ColumnsFirst resizes widths, then heights: Pillow up to 12, with which all published models were trained.
	ColumnsFirst Order = iota
	// Pillow13 does heights first for pictures whose height shrinks by more than twice as many pixels as their width (a
	// width that grows shrinks by less than none): Pillow 13.0, to save time. Portrait photographs squeezed into a square are
	// the usual case: of 360 x 480 and 500 x 667 to 384 x 384 a tenth to a quarter of the bytes differ, most by one
	// level, the most by 9. Up to the square, and with the aspect ratio kept, up to a height of twice the width, nothing changes.
	Pillow13
)

// rowsFirst says whether a picture of w x h is resized to toW x toH heights first.
func (o Order) rowsFirst(w, h, toW, toH int) bool {
	return o == Pillow13 && w != toW && toH < h && h-toH > 2*(w-toW)
}

// Resize is Pillow's Image.resize((w, h), f) for mode "RGB", of versions up to 12: widths, then heights, with 8 bits
// between and 22-bit fixed-point weights, equal to it bit for bit. It is an error if the filter is unknown, a side
// is outside 1 to MaxSide or the result is over DefaultMaxPixels.
func Resize(src *RGB, w, h int, f Filter) (*RGB, error) {
	return ResizeOrdered(src, w, h, f, ColumnsFirst)
}

// ResizeOrdered is Resize with the order of passes of another version of Pillow.
func ResizeOrdered(src *RGB, w, h int, f Filter, o Order) (*RGB, error) {
	if err := src.check(); err != nil {
		return nil, err
	}
	if !f.valid() {
		return nil, fmt.Errorf("preprocess: resample is %d, want 0 to %d", int(f), len(filterNames)-1)
	}
	if !o.valid() {
		return nil, o.wrong()
	}
	if err := checkTarget(w, h); err != nil {
		return nil, err
	}
	return newCanvas(src, nil).resize(w, h, f, o, image.Rect(0, 0, w, h)), nil
}

func (o Order) valid() bool { return o == ColumnsFirst || o == Pillow13 }

func (o Order) wrong() error {
	return fmt.Errorf("preprocess: order of passes is %d, want %d (columns first) or %d (as in Pillow 13)", int(o), ColumnsFirst, Pillow13)
}

func checkTarget(w, h int) error {
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide || int64(w)*int64(h) > DefaultMaxPixels {
		return fmt.Errorf("preprocess: target of %d x %d pixels, want at least 1 x 1, at most %d pixels and no side over %d",
			w, h, DefaultMaxPixels, MaxSide)
	}
	return nil
}

// canvas is a picture with, perhaps, one colour around it. The padding is never stored.
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
func (c canvas) resize(w, h int, f Filter, o Order, window image.Rectangle) *RGB {
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
	if o.rowsFirst(c.w.canvas, c.h.canvas, w, h) {
		c.rowsFirst(cols, rows, dst)
	} else {
		c.columnsFirst(cols, rows, dst)
	}
	return out
}

// half rounds a fixed-point sum.
const half = 1 << (fixedBits - 1)

// blank is what the first pass makes of the padding where its weights sum to total: rounding may move it off fill.
func (c canvas) blank(total int32) (rgb [3]uint8) {
	for i, v := range c.fill {
		rgb[i] = clamp((half + int32(v)*total) >> fixedBits)
	}
	return rgb
}

// columnsFirst makes each row of the picture once and keeps it while the second pass can still ask for it.
func (c canvas) columnsFirst(cols, rows *axis, dst func(y int) []uint8) {
	n := 3 * len(cols.first)
	padding := make([]uint8, 0, n) // a row of padding after the first pass
	for x := range cols.first {
		colour := c.blank(cols.total(x))
		padding = append(padding, colour[:]...)
	}
	keep := max(rows.longest, 1)
	ring := make([]uint8, keep*n)
	made := 0 // rows of the picture before this one are made, or were never asked for
	acc := make([]int32, n)
	none := slices.Repeat([]int32{half}, n) // sums without anything
	for y := range rows.first {
		first, k := rows.at(y)
		for made = max(made, first); made < first+len(k); made++ {
			cols.mix(c.img.row(made), c.fill, ring[made%keep*n:][:n])
		}
		if outside := rows.padding[y]; outside == 0 {
			copy(acc, none)
		} else {
			for i, v := range padding {
				acc[i] = half + int32(v)*outside
			}
		}
		for j, weight := range k {
			addRow(acc, ring[(first+j)%keep*n:][:n], weight)
		}
		store(dst(y), acc)
	}
}

// rowsFirst needs no more than one row between the passes.
func (c canvas) rowsFirst(cols, rows *axis, dst func(y int) []uint8) {
	n := 3 * c.img.W
	acc, mid := make([]int32, n), make([]uint8, n)
	for y := range rows.first {
		first, k := rows.at(y)
		outside := rows.padding[y]
		for i := range acc {
			acc[i] = half + int32(c.fill[i%3])*outside
		}
		for j, weight := range k {
			addRow(acc, c.img.row(first+j), weight)
		}
		store(mid, acc)
		cols.mix(mid, c.blank(rows.total(y)), dst(y))
	}
}

// addRowPlain is addRow in Go.
func addRowPlain(acc []int32, row []uint8, weight int32) {
	row = row[:len(acc)]
	for i, v := range row {
		acc[i] += int32(v) * weight
	}
}

// storePlain is store in Go.
func storePlain(dst []uint8, acc []int32) {
	dst = dst[:len(acc)]
	for i, v := range acc {
		dst[i] = clamp(v >> fixedBits)
	}
}

// mixFrom is mix in Go, of the outputs from one on.
func (a *axis) mixFrom(from int, src []uint8, padding [3]uint8, dst []uint8) {
	p0, p1, p2 := int32(padding[0]), int32(padding[1]), int32(padding[2])
	for x := from; x < len(a.padding); x++ {
		outside := a.padding[x]
		first, k := a.at(x)
		s := src[3*first : 3*(first+len(k))]
		r, g, b := half+p0*outside, half+p1*outside, half+p2*outside
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
