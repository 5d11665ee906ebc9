package scenes

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"math"
	"sync"

	"golang.org/x/image/vector"
)

// Side is the width and height of a picture, in pixels.
const Side = 3 * cellSide

// cellSide is the width and height of a cell of the grid.
const cellSide = 22

// Half the extent of objects in pixels, by size. Digits are narrower than figures and therefore taller.
var (
	figureReach = [2]float64{5.9, 8.9}
	digitCell   = [2]float64{1.86, 2.75} // side of one dot of the 5 x 7 font
)

// tile is the side of the square an object is rasterized in; it holds the largest object.
const tile = 28

// Image draws the scene, [Side] x [Side] opaque pixels, with smooth edges.
func (s *Scene) Image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, Side, Side))
	draw.Draw(img, img.Rect, image.NewUniform(s.Background.RGBA()), image.Point{}, draw.Src)
	p := pen{Rasterizer: vector.NewRasterizer(tile, tile)}
	for _, o := range s.Objects {
		x, y := cellSide/2+cellSide*o.col()+o.DX, cellSide/2+cellSide*o.row()+o.DY
		// The tile lies within the picture, as the object does.
		left, top := min(max(x-tile/2, 0), Side-tile), min(max(y-tile/2, 0), Side-tile)
		p.Reset(tile, tile)
		p.x, p.y = float64(x-left), float64(y-top)
		p.reach = figureReach[o.Size]
		if o.Shape.IsDigit() {
			p.digit(o.Shape.Value(), digitCell[o.Size])
		} else {
			p.figure(o.Shape)
		}
		p.Draw(img, image.Rect(left, top, left+tile, top+tile), image.NewUniform(o.Colour.RGBA()), image.Point{})
	}
	return img
}

type pngBuffers struct{ pool sync.Pool }

func (p *pngBuffers) Get() *png.EncoderBuffer {
	b, _ := p.pool.Get().(*png.EncoderBuffer)
	return b
}
func (p *pngBuffers) Put(b *png.EncoderBuffer) { p.pool.Put(b) }

// Making a compressor costs more than compressing a picture with it, so they are kept.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &pngBuffers{}}

// PNG is the encoded picture. The bytes are the same in every run of the same build; the pixels are the same everywhere.
func (s *Scene) PNG() []byte { return encodePNG(s.Image()) }

func encodePNG(img image.Image) []byte {
	var b bytes.Buffer
	// Encoding fails on an impossible size or a failing writer alone, and neither can occur here.
	_ = encoder.Encode(&b, img)
	return b.Bytes()
}

// pen draws in units of reach pixels around the point x, y, y downwards.
type pen struct {
	*vector.Rasterizer
	x, y, reach float64
}

// px rounds to 1/64 pixel, so that the last bit of a sine, which differs between machines, never reaches the picture.
func (p pen) px(x, y float64) (float32, float32) {
	return float32(math.Round((p.x+x*p.reach)*64) / 64), float32(math.Round((p.y+y*p.reach)*64) / 64)
}

func (p pen) polygon(xy ...float64) {
	p.MoveTo(p.px(xy[0], xy[1]))
	for i := 2; i < len(xy); i += 2 {
		p.LineTo(p.px(xy[i], xy[i+1]))
	}
	p.ClosePath()
}

func (p pen) curve(xy ...float64) {
	p.MoveTo(p.px(xy[0], xy[1]))
	for i := 2; i+5 < len(xy); i += 6 {
		bx, by := p.px(xy[i], xy[i+1])
		cx, cy := p.px(xy[i+2], xy[i+3])
		dx, dy := p.px(xy[i+4], xy[i+5])
		p.CubeTo(bx, by, cx, cy, dx, dy)
	}
	p.ClosePath()
}

// round draws a circle of radius a; a negative sign of turn runs the other way, which cuts a hole.
func (p pen) round(a, turn float64) {
	const k = 0.5522847498 // control points of a quarter circle
	b, c := a*turn, a*k*turn
	p.curve(a, 0, a, c, a*k, b, 0, b, -a*k, b, -a, c, -a, 0, -a, -c, -a*k, -b, 0, -b, a*k, -b, a, -c, a, 0)
}

func (p pen) figure(s Shape) {
	switch s {
	case Circle:
		p.round(1, 1)
	case Ring:
		p.round(1.04, 1)
		p.round(0.52, -1)
	case Square:
		p.polygon(-0.88, -0.88, 0.88, -0.88, 0.88, 0.88, -0.88, 0.88)
	case Diamond:
		p.polygon(0, -1.12, 0.84, 0, 0, 1.12, -0.84, 0)
	case Triangle:
		p.polygon(0, -1, 1.06, 0.86, -1.06, 0.86)
	case Cross:
		const a, b = 1.0, 0.34
		p.polygon(-b, -a, b, -a, b, -b, a, -b, a, b, b, b, b, a, -b, a, -b, b, -a, b, -a, -b, -b, -b)
	case Heart:
		p.curve(0, 1, -0.3, 0.66, -1.06, 0.2, -1.06, -0.36, -1.06, -0.8, -0.76, -0.96, -0.54, -0.96,
			-0.3, -0.96, -0.1, -0.82, 0, -0.5, 0.1, -0.82, 0.3, -0.96, 0.54, -0.96,
			0.76, -0.96, 1.06, -0.8, 1.06, -0.36, 1.06, 0.2, 0.3, 0.66, 0, 1)
	case Star:
		xy := make([]float64, 0, 20)
		for i := range 10 {
			a := 1.12
			if i%2 == 1 {
				a = 0.46
			}
			sin, cos := math.Sincos(float64(i) * math.Pi / 5)
			xy = append(xy, a*sin, 0.08-a*cos)
		}
		p.polygon(xy...)
	}
}

// digitRows is a 5 x 7 font: one byte a row, bit 4 leftmost.
var digitRows = [NumDigits][7]uint8{
	{0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110},
	{0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
	{0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
	{0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110},
	{0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
	{0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
	{0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
	{0b11111, 0b00001, 0b00010, 0b00010, 0b00100, 0b00100, 0b00100},
	{0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
	{0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100},
}

// bold is what a digit's strokes gain on each side, in dots.
const bold = 0.17

// digit draws the font's dots as squares of the given side in pixels, the dots side by side as one bar.
func (p pen) digit(value int, dot float64) {
	p.reach = dot
	for y, row := range digitRows[value] {
		for x := 0; x < 5; x++ {
			start := x
			for x < 5 && row>>(4-x)&1 == 1 {
				x++
			}
			if x > start {
				l, t, r, b := float64(start)-2.5-bold, float64(y)-3.5-bold, float64(x)-2.5+bold, float64(y)-2.5+bold
				p.polygon(l, t, r, t, r, b, l, b)
			}
		}
	}
}
