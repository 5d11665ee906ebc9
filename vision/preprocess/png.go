package preprocess

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"regexp"
	"slices"
)

func readPNG(b []byte) (*RGB, []uint8, error) {
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		whole := pngOfItsPixels(b)
		if whole == nil {
			return nil, nil, err
		}
		if img, err = png.Decode(bytes.NewReader(whole)); err != nil {
			return nil, nil, err
		}
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

// pngOfItsPixels is a file whose end is cut off or damaged, up to its last chunk of pixels, with an end put behind; nil if it is none. As in Pillow what follows the pixels
// may break off: in the head of a chunk, at a name that is none, anywhere in the end. Chunks in between have to be sound.
func pngOfItsPixels(b []byte) []byte {
	const head, sum = 8, 4
	at, last := 8, 0
	for len(b)-at >= head {
		n, name := uint64(binary.BigEndian.Uint32(b[at:])), b[at+4:at+head]
		if string(name) == "IEND" && last > 0 {
			break
		}
		next := uint64(at) + head + n + sum
		switch {
		case last > 0 && !chunkName.Match(name):
			return pngEnd(b[:last])
		case next > uint64(len(b)), crc32.ChecksumIEEE(b[at+4:next-sum]) != binary.BigEndian.Uint32(b[next-sum:]):
			return nil
		case string(name) == "IDAT":
			last = int(next)
		}
		at = int(next)
	}
	if last == 0 {
		return nil
	}
	return pngEnd(b[:last])
}

// chunkName is what Pillow takes for the name of a chunk.
var chunkName = regexp.MustCompile(`^[0-9A-Za-z_]{4}$`)

// pngEnd puts an end behind chunks.
func pngEnd(b []byte) []byte {
	return append(slices.Clip(b), 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82)
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
