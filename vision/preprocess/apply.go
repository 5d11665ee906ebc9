package preprocess

import (
	"fmt"
	"image"
)

// ApplyBytes decodes b with c.Decoder and applies c to it.
func (c *Config) ApplyBytes(b []byte) (pixels []float32, h, w int, err error) {
	img, err := c.Decoder.Decode(b)
	if err != nil {
		return nil, 0, 0, err
	}
	return c.Apply(img)
}

// Apply returns the picture as [3, h, w] float32: padded, resized, cropped, rescaled and normalised as c says, bit for
// bit as transformers' PIL backend, which rescales in float64, rounds to float32 and normalises there (for the
// version of Pillow that c.Order names).
func (c *Config) Apply(img *RGB) (pixels []float32, h, w int, err error) {
	m, err := c.U8(img)
	if err != nil {
		return nil, 0, 0, err
	}
	n := m.W * m.H
	pixels = make([]float32, 3*n)
	t := c.tables()
	red, green, blue := pixels[:n], pixels[n:][:n], pixels[2*n:][:n]
	for i := range red {
		q := m.Pix[3*i : 3*i+3 : 3*i+3]
		red[i], green[i], blue[i] = t[0][q[0]], t[1][q[1]], t[2][q[2]]
	}
	return pixels, m.H, m.W, nil
}

// tables are the float values of the 256 bytes, per channel.
func (c *Config) tables() (t [3][256]float32) {
	for ch := range t {
		mean, std := float32(c.ImageMean[ch]), float32(c.ImageStd[ch])
		for v := range t[ch] {
			f := float32(v)
			if c.DoRescale {
				f = float32(float64(v) * c.RescaleFactor)
			}
			if c.DoNormalize {
				f = (f - mean) / std
			}
			t[ch][v] = f
		}
	}
	return t
}

// U8 does what comes before rescaling: padding, resizing and cropping.
func (c *Config) U8(img *RGB) (*RGB, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := img.check(); err != nil {
		return nil, err
	}
	on := newCanvas(img, c.PadToSquare)
	w, h, window := c.window(on.w.canvas, on.h.canvas)
	if window.Dx() > MaxSide || window.Dy() > MaxSide || int64(window.Dx())*int64(window.Dy()) > DefaultMaxPixels {
		return nil, fmt.Errorf("preprocess: a picture of %d x %d would become %d x %d, want at most %d pixels and no side over %d",
			img.W, img.H, window.Dx(), window.Dy(), DefaultMaxPixels, MaxSide)
	}
	return on.resize(w, h, c.Resample, c.Order, window), nil
}

// window is the size before cropping of a picture of w x h, and what of it is kept.
func (c *Config) window(w, h int) (toW, toH int, kept image.Rectangle) {
	w, h = c.resized(w, h)
	if !c.DoCenterCrop {
		return w, h, image.Rect(0, 0, w, h)
	}
	// Rounding down also where the crop is larger than the picture: then it begins outside, and black comes in.
	return w, h, image.Rect(0, 0, c.CropSize.Width, c.CropSize.Height).
		Add(image.Pt((w-c.CropSize.Width)>>1, (h-c.CropSize.Height)>>1))
}

// SizeOf is the height and width of the result for a picture of h x w pixels.
func (c *Config) SizeOf(h, w int) (int, int) {
	if c.PadToSquare != nil {
		h, w = max(h, w), max(h, w)
	}
	_, _, kept := c.window(w, h)
	return kept.Dy(), kept.Dx()
}

// resized is the size before cropping of a picture of w x h.
func (c *Config) resized(w, h int) (int, int) {
	switch edge := c.Resize.ShortestEdge; {
	case !c.DoResize:
		return w, h
	case edge == 0:
		return c.Resize.Width, c.Resize.Height
	case w <= h:
		return edge, int(float64(edge*h) / float64(w))
	default:
		return int(float64(edge*w) / float64(h)), edge
	}
}

// Size is the height and width of every result, with fixed set, if they do not depend on the picture; else zeros.
func (c *Config) Size() (h, w int, fixed bool) {
	switch {
	case c.DoCenterCrop:
		return c.CropSize.Height, c.CropSize.Width, true
	case c.DoResize && c.Resize.ShortestEdge == 0:
		return c.Resize.Height, c.Resize.Width, true
	case c.DoResize && c.PadToSquare != nil:
		return c.Resize.ShortestEdge, c.Resize.ShortestEdge, true
	}
	return 0, 0, false
}
