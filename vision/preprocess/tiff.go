package preprocess

import (
	"bytes"

	"golang.org/x/image/tiff"
)

func readTIFF(b []byte) (*RGB, []uint8, error) {
	img, err := tiff.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	return convert(img)
}
