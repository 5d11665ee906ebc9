package preprocess

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
)

func readPNG(b []byte) (*RGB, []uint8, error) {
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	depth, colour := pngKind(b)
	if p, ok := img.(*image.NRGBA64); ok && colour == 0 {
		// One 16-bit channel with a transparent value, which Pillow ignores in this mode.
		return fromGray16(p.Pix, p.Stride, 8, p.Rect), nil, nil
	}
	m, alpha, err := convert(img)
	if colour == 0 && (depth == 2 || depth == 4) && !bytes.Equal(pngChunk(b, "tRNS"), []byte{0, 0}) {
		// Pillow looks for the transparent value of 2 or 4 bits among values stretched to 8 and finds zero only.
		alpha = nil
	}
	return m, alpha, err
}

// pngKind is bit depth and colour type of IHDR, which a decoded picture has been seen to hold.
func pngKind(b []byte) (depth, colour int) {
	const at = 8 + 8 + 4 + 4 // signature, chunk head, width, height
	if len(b) <= at+1 {
		return -1, -1
	}
	return int(b[at]), int(b[at+1])
}

// pngChunk is the payload of the first chunk of that name.
func pngChunk(b []byte, name string) []byte {
	for b = b[min(len(b), 8):]; len(b) >= 12; {
		n := binary.BigEndian.Uint32(b)
		if uint64(n)+12 > uint64(len(b)) {
			return nil
		}
		if string(b[4:8]) == name {
			return b[8 : 8+n]
		}
		b = b[12+n:]
	}
	return nil
}
