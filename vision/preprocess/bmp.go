package preprocess

import (
	"bytes"

	"golang.org/x/image/bmp"
)

func readBMP(b []byte) (*RGB, []uint8, error) {
	img, err := bmp.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	return convert(img)
}
