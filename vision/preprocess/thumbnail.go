package preprocess

import (
	"bytes"
	"image/jpeg"
)

// Thumbnail is a small JPEG of an encoded picture, for people: its longer side is at most so many pixels.
func (d Decoder) Thumbnail(encoded []byte, side int) ([]byte, error) {
	img, err := d.Decode(encoded)
	if err != nil {
		return nil, err
	}
	if long := max(img.W, img.H); long > side {
		if img, err = Resize(img, max(1, img.W*side/long), max(1, img.H*side/long), Bicubic); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err = jpeg.Encode(&b, img, nil)
	return b.Bytes(), err
}
