package suites

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	"image/jpeg"
	"image/png"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

const (
	thumbSide = 320     // pixels of the longer side at most
	maxPixels = 1 << 26 // of a picture that is decoded to be shown
)

// thumbnail makes a small picture of one: a PNG as it is if it is small already, otherwise a JPEG on white.
func thumbnail(encoded []byte) ([]byte, error) {
	c, format, err := image.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return nil, fmt.Errorf("found %d x %d pixels, expected at most %d", c.Width, c.Height, maxPixels)
	}
	m, _, err := image.Decode(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	var b bytes.Buffer
	long := max(w, h)
	if long <= thumbSide && format != "jpeg" {
		err = png.Encode(&b, m)
		return b.Bytes(), err
	}
	if long > thumbSide {
		w, h = max(1, w*thumbSide/long), max(1, h*thumbSide/long)
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(small, small.Bounds(), m, m.Bounds(), draw.Over, nil)
	err = jpeg.Encode(&b, small, &jpeg.Options{Quality: 82})
	return b.Bytes(), err
}
