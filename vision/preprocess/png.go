package preprocess

import (
	"bytes"
	"image"
	"image/png"
)

func readPNG(b []byte) (*RGB, []uint8, error) {
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	if p, ok := img.(*image.NRGBA64); ok && pngColourType(b) == 0 {
		// One 16-bit channel with a transparent value, which Pillow ignores in this mode.
		return fromGray16(p.Pix, p.Stride, 8, p.Rect), nil, nil
	}
	return convert(img)
}

// pngColourType is the fifth field of IHDR, which a decoded picture has been seen to hold.
func pngColourType(b []byte) int {
	const at = 8 + 8 + 4 + 4 + 1 // signature, chunk head, width, height, bit depth
	if len(b) <= at {
		return -1
	}
	return int(b[at])
}
