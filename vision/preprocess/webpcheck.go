package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// webpFlags are those that the extended header may have.
const webpFlags = 0x3e

// webpChunkAt is the chunk at the start of b, and what follows it and its padding.
func webpChunkAt(b []byte) (name string, body, rest []byte, err error) {
	if len(b) < 8 {
		return "", nil, nil, fmt.Errorf("%d bytes where a chunk begins", len(b))
	}
	name = string(b[:4])
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	if n+n%2 > uint64(len(b)-8) {
		return "", nil, nil, fmt.Errorf("cut off: chunk %q of %d bytes, there are %d", name, n, len(b)-8)
	}
	return name, b[8 : 8+n], b[8+n+n%2:], nil
}

// wholeWebP is the file up to the end that it declares. What libwebp's demuxer (demux.c) refuses, with which Pillow opens every WebP, is an
// error: a file or chunk that is cut off, chunks in another order than the format has, and headers of pictures that cannot be. The
// decoders of golang.org/x/image look at less, because they read a file from front to back and stop at its picture.
func wholeWebP(b []byte) ([]byte, error) {
	size := uint64(binary.LittleEndian.Uint32(b[4:])) + 8
	if size > uint64(len(b)) {
		return nil, fmt.Errorf("cut off: %d bytes, want %d", len(b), size)
	}
	if size < webpHead+8 {
		return nil, fmt.Errorf("%d bytes declared, which hold no picture", size)
	}
	b = b[:size]
	name, body, rest, err := webpChunkAt(b[webpHead:])
	switch {
	case err != nil:
		return nil, err
	case name != "VP8X":
		_, err = webpStill(b[webpHead:], false)
		return b, err
	case len(body) < 10:
		return nil, fmt.Errorf("an extended header of %d bytes, want 10", len(body))
	case body[0]&^webpFlags != 0:
		return nil, fmt.Errorf("flags %#x in the extended header", body[0])
	}
	canvasW, canvasH := webpCanvas(b)
	return b, webpExtendedChunks(rest, body[0]&webpAnimated != 0, canvasW, canvasH)
}

// webpExtendedChunks checks what follows the extended header.
func webpExtendedChunks(b []byte, animated bool, canvasW, canvasH int) error {
	pictures, anim := 0, false
	for len(b) > 0 {
		name, body, rest, err := webpChunkAt(b)
		if err != nil {
			return err
		}
		switch name {
		case "VP8X":
			return errors.New("a second extended header")
		case "ALPH", "VP8 ", "VP8L":
			if animated || anim || pictures > 0 {
				return fmt.Errorf("chunk %q outside the frames of an animation, or behind a picture", name)
			}
			if rest, err = webpStill(b, true); err != nil {
				return err
			}
			pictures++
		case "ANIM":
			if len(body) < 6 {
				return fmt.Errorf("chunk %q of %d bytes, want 6", name, len(body))
			}
			anim = true
		case "ANMF":
			if !anim || len(body) < 16 {
				return fmt.Errorf("a frame of %d bytes, or before chunk ANIM", len(body))
			}
			if animated {
				if err := webpFrame(body, canvasW, canvasH); err != nil {
					return fmt.Errorf("frame %d: %w", pictures+1, err)
				}
				pictures++
			}
		}
		b = rest
	}
	if pictures == 0 {
		return errors.New("there is no picture")
	}
	return nil
}

// webpFrame checks a frame: where it lies, and its picture, whose own header says how large it is.
func webpFrame(b []byte, canvasW, canvasH int) error {
	left, err := webpStill(b[16:], true)
	if err != nil {
		return err
	}
	if len(left) > 0 && len(left) < 8 {
		return fmt.Errorf("%d bytes where a chunk begins", len(left))
	}
	x, y := 2*uint24(b), 2*uint24(b[3:])
	if w, h := webpStillSize(b[16:]); x+w > canvasW || y+h > canvasH {
		return fmt.Errorf("%d x %d pixels at (%d, %d) on a canvas of %d x %d", w, h, x, y, canvasW, canvasH)
	}
	return nil
}

// webpStillSize is what the header of a picture that webpStill has checked says.
func webpStillSize(chunks []byte) (w, h int) {
	if b := webpChunk(chunks, "VP8 "); b != nil {
		return int(binary.LittleEndian.Uint16(b[6:])) & 0x3fff, int(binary.LittleEndian.Uint16(b[8:])) & 0x3fff
	}
	bits := binary.LittleEndian.Uint32(webpChunk(chunks, "VP8L")[1:])
	return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1
}

// webpStill checks the chunks of one picture at the start of b, alpha before colours, and returns what follows them.
func webpStill(b []byte, alpha bool) (rest []byte, err error) {
	seen := false
	for rest = b; len(rest) > 0; {
		name, body, next, err := webpChunkAt(rest)
		switch {
		case err != nil:
			return nil, err
		case name == "ALPH" && alpha && !seen:
			if len(body) < 1 || body[0]&3 > 1 || body[0]>>4&3 > 1 || body[0]>>6 > 1 {
				return nil, fmt.Errorf("alpha of %d bytes with the header %x", len(body), body[:min(len(body), 1)])
			}
			seen = true
		case name == "VP8 ":
			return next, checkVP8(body)
		case name == "VP8L" && !seen:
			return next, checkVP8L(body)
		default:
			return nil, fmt.Errorf("chunk %q where a picture is expected", name)
		}
		rest = next
	}
	return nil, errors.New("there is no picture")
}

// checkVP8 reads the frame's header (RFC 6386, 9.1) as libwebp's VP8GetInfo does.
func checkVP8(b []byte) error {
	if len(b) < 10 {
		return fmt.Errorf("a picture of %d bytes", len(b))
	}
	bits := uint24(b)
	if bits&1 != 0 || bits>>1&7 > 3 || bits>>4&1 == 0 || bits>>5 >= len(b) || string(b[3:6]) != "\x9d\x01\x2a" ||
		uint24(b[6:])&0x3fff == 0 || uint24(b[7:])>>8&0x3fff == 0 {
		return fmt.Errorf("a lossy picture's header is %x", b[:10])
	}
	return nil
}

// checkVP8L reads the header of a lossless picture: a signature, two sides of 14 bits, whether there is alpha, and a version.
func checkVP8L(b []byte) error {
	if len(b) < 5 || b[0] != 0x2f || b[4]>>5 != 0 {
		return fmt.Errorf("a lossless picture's header is %x", b[:min(len(b), 5)])
	}
	return nil
}
