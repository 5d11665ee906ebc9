package preprocess

import (
	"bytes"
	"image"

	"golang.org/x/image/webp"
)

func sizeWebP(b []byte) (w, h int, err error) {
	if b, err = wholeWebP(b); err != nil {
		return 0, 0, err
	}
	if animatedWebP(b) {
		w, h = webpCanvas(b)
		return w, h, nil
	}
	return sizeBy(webp.DecodeConfig)(b)
}

func readWebP(b []byte) (*RGB, []uint8, error) {
	b, err := wholeWebP(b)
	if err != nil {
		return nil, nil, err
	}
	if animatedWebP(b) {
		return firstFrame(b)
	}
	img, err := webp.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	switch p := img.(type) {
	case *image.YCbCr:
		return fromWebP(p), nil, nil
	case *image.NYCbCrA:
		m := fromWebP(&p.YCbCr)
		alpha := make([]uint8, 0, m.W*m.H)
		for y := range m.H {
			alpha = append(alpha, p.A[y*p.AStride:][:m.W]...)
		}
		return m, alpha, nil
	}
	return convert(img)
}

// fromWebP converts lossy WebP pixels (BT.601, limited range, 4:2:0) the way libwebp does: its (9, 3, 3, 1)/16
// upsampler (upsampling.c) and its 14-bit matrix (yuv.h).
func fromWebP(p *image.YCbCr) *RGB {
	m := NewRGB(p.Rect.Dx(), p.Rect.Dy())
	u, v := newChroma(p, p.Cb), newChroma(p, p.Cr)
	uRow, vRow := make([]uint8, m.W), make([]uint8, m.W)
	for y := range m.H {
		u.upsample(y, uRow)
		v.upsample(y, vRow)
		d := m.row(y)
		for x, l := range p.Y[y*p.YStride:][:m.W] {
			l, u, v := mulHigh(l, 19077), uRow[x], vRow[x]
			q := d[3*x : 3*x+3 : 3*x+3]
			q[0] = clamp((l + mulHigh(v, 26149) - 14234) >> 6)
			q[1] = clamp((l - mulHigh(u, 6419) - mulHigh(v, 13320) + 8708) >> 6)
			q[2] = clamp((l + mulHigh(u, 33050) - 17685) >> 6)
		}
	}
	return m
}

func clamp(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

func mulHigh(v uint8, k int32) int32 { return int32(v) * k >> 8 }

// chroma is one plane of half the width and height.
type chroma struct {
	pix    []uint8
	stride int
	w, h   int // samples that belong to the picture
}

func newChroma(p *image.YCbCr, pix []uint8) *chroma {
	return &chroma{pix: pix, stride: p.CStride, w: (p.Rect.Dx() + 1) / 2, h: (p.Rect.Dy() + 1) / 2}
}

// row is chroma row r, the outermost ones repeated.
func (c *chroma) row(r int) []uint8 {
	r = min(max(r, 0), c.h-1)
	return c.pix[r*c.stride:][:c.w]
}

// upsample mixes the four chroma samples around each luma sample in the order of roundings of libwebp.
func (c *chroma) upsample(y int, out []uint8) {
	near, far := c.row(y/2), c.row(y/2-1+y%2*2)
	for x := range out {
		i := x / 2
		j := max(i-1, 0)
		if x%2 == 1 {
			j = min(i+1, c.w-1)
		}
		a, b, d, e := int(near[i]), int(near[j]), int(far[i]), int(far[j])
		diagonal := (a + b + d + e + 8 + 2*(b+d)) >> 3
		out[x] = uint8((diagonal + a) >> 1)
	}
}
