package eval

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// maxBlankPixels bounds the size a picture may claim before a grey one of that size is made.
const maxBlankPixels = 178956970

// blank returns a PNG of the same size as the encoded picture, every pixel 128 grey: what a model can answer without
// looking.
func blank(picture []byte) ([]byte, error) {
	c, kind, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("size of the picture: %w", err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxBlankPixels/c.Height {
		return nil, fmt.Errorf("found a %s picture of %d x %d pixels, expected at most %d pixels", kind, c.Width, c.Height, maxBlankPixels)
	}
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&out, grey{image.Rect(0, 0, c.Width, c.Height)}); err != nil {
		return nil, fmt.Errorf("blank picture: %w", err)
	}
	return out.Bytes(), nil
}

// grey is a uniform picture that takes no memory for its pixels.
type grey struct{ r image.Rectangle }

func (grey) ColorModel() color.Model { return color.GrayModel }

func (g grey) Bounds() image.Rectangle { return g.r }

func (grey) At(x, y int) color.Color { return color.Gray{Y: 128} }
