package preprocess

import (
	"encoding/binary"

	"github.com/disintegration/imaging"
)

// orient turns a picture whose EXIF orientation is o (1 to 8) upright; any other value leaves it as it is.
func orient(m *RGB, o int) *RGB {
	if o < 2 || o > 8 {
		return m
	}
	n := m.nrgba()
	switch o {
	case 2:
		n = imaging.FlipH(n)
	case 3:
		n = imaging.Rotate180(n)
	case 4:
		n = imaging.FlipV(n)
	case 5:
		n = imaging.Transpose(n)
	case 6:
		n = imaging.Rotate270(n)
	case 7:
		n = imaging.Transverse(n)
	case 8:
		n = imaging.Rotate90(n)
	}
	return fromNRGBA(n)
}

// orientation finds the EXIF orientation of a picture, or 1 where there is none. Damaged metadata counts as none: it
// has no bearing on the pixels.
func orientation(name string, b []byte) int {
	switch name {
	case "tiff":
		return tiffOrientation(b)
	case "jpeg":
		return tiffOrientation(jpegEXIF(b))
	case "png":
		return tiffOrientation(pngChunk(b, "eXIf"))
	case "webp":
		return tiffOrientation(webpEXIF(b))
	}
	return 1
}

const exifPrefix = "Exif\x00\x00"

// jpegEXIF is the payload of the first EXIF segment (APP1) before the scan data.
func jpegEXIF(b []byte) []byte {
	for b = b[min(len(b), 2):]; len(b) >= 4 && b[0] == 0xff; {
		marker := b[1]
		if marker == 0xff { // fill byte
			b = b[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if marker == 0xda || n < 2 || len(b) < 2+n {
			return nil
		}
		if body := b[4 : 2+n]; marker == 0xe1 && len(body) > len(exifPrefix) && string(body[:len(exifPrefix)]) == exifPrefix {
			return body[len(exifPrefix):]
		}
		b = b[2+n:]
	}
	return nil
}

// webpEXIF is the payload of the EXIF chunk, which may repeat JPEG's prefix.
func webpEXIF(b []byte) []byte {
	body := webpChunk(b[min(len(b), webpHead):], "EXIF")
	if len(body) > len(exifPrefix) && string(body[:len(exifPrefix)]) == exifPrefix {
		body = body[len(exifPrefix):]
	}
	return body
}

// tiffOrientation reads tag 274 of the first directory of a TIFF structure, which is also what EXIF is.
func tiffOrientation(b []byte) int {
	const tagOrientation, typeShort = 274, 3
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	n := uint64(order.Uint16(b[at:]))
	for e := at + 2; n > 0 && e+12 <= uint64(len(b)); e, n = e+12, n-1 {
		if order.Uint16(b[e:]) == tagOrientation && order.Uint16(b[e+2:]) == typeShort && order.Uint32(b[e+4:]) == 1 {
			return int(order.Uint16(b[e+8:]))
		}
	}
	return 1
}
