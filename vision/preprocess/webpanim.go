package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// webpHead is the length of RIFF, size and WEBP, before the chunks.
const webpHead = 12

// Flags of the extended header.
const (
	webpAnimated = 1 << 1
	webpAlpha    = 1 << 4
)

// animatedWebP reads the animation flag of the extended header.
func animatedWebP(b []byte) bool {
	head := webpExtended(b)
	return head != nil && head[0]&webpAnimated != 0
}

// webpExtended is the payload of VP8X, or nil.
func webpExtended(b []byte) []byte {
	if len(b) < webpHead+18 || string(b[webpHead:webpHead+4]) != "VP8X" {
		return nil
	}
	return b[webpHead+8 : webpHead+18]
}

// uint24 is a little-endian number of three bytes.
func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// webpCanvas is the size in the extended header.
func webpCanvas(b []byte) (w, h int) {
	head := webpExtended(b)
	return uint24(head[4:]) + 1, uint24(head[7:]) + 1
}

// webpChunk is the payload of the first chunk of that name among chunks.
func webpChunk(b []byte, name string) []byte {
	for len(b) >= 8 {
		n := uint64(binary.LittleEndian.Uint32(b[4:]))
		if n+8 > uint64(len(b)) {
			return nil
		}
		if string(b[:4]) == name {
			return b[8 : 8+n]
		}
		b = b[min(8+n+n%2, uint64(len(b))):]
	}
	return nil
}

// firstFrame reads the first picture of an animation on its canvas, which is black and transparent beside it, as
// libwebp's animation decoder does.
func firstFrame(b []byte) (*RGB, []uint8, error) {
	frame := webpChunk(b[webpHead:], "ANMF")
	const head = 16
	if len(frame) < head {
		return nil, nil, errors.New("animated WebP without a whole frame")
	}
	canvasW, canvasH := webpCanvas(b)
	x, y := 2*uint24(frame), 2*uint24(frame[3:])
	w, h := webpStillSize(frame[head:]) // what the frame's own header says counts for nothing
	still := stillWebP(frame[head:], w, h)
	if gotW, gotH, err := sizeWebP(still); err != nil {
		return nil, nil, err
	} else if gotW != w || gotH != h {
		return nil, nil, fmt.Errorf("a frame of %d x %d holds a picture of %d x %d", w, h, gotW, gotH)
	}
	m, alpha, err := readWebP(still)
	if err != nil {
		return nil, nil, err
	}
	c := NewRGB(canvasW, canvasH)
	for row := range h {
		copy(c.row(y + row)[3*x:], m.row(row))
	}
	if webpExtended(b)[0]&webpAlpha == 0 {
		return c, nil, nil
	}
	canvasAlpha := make([]uint8, canvasW*canvasH)
	for row := range h {
		d := canvasAlpha[(y+row)*canvasW+x:][:w]
		for i := range d {
			d[i] = 255
			if alpha != nil {
				d[i] = alpha[row*w+i]
			}
		}
	}
	return c, canvasAlpha, nil
}

// stillWebP is a file of its own with the chunks of a frame.
func stillWebP(chunks []byte, w, h int) []byte {
	var body []byte
	if webpChunk(chunks, "ALPH") != nil {
		body = append(body, "VP8X\x0a\x00\x00\x00"...)
		body = append(body, webpAlpha, 0, 0, 0, byte(w-1), byte((w-1)>>8), byte((w-1)>>16), byte(h-1), byte((h-1)>>8), byte((h-1)>>16))
	}
	body = append(body, chunks...)
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))
	return append(append(out, "WEBP"...), body...)
}
