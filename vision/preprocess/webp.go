package preprocess

import "image"

// fromWebP converts lossy WebP pixels (BT.601, limited range, 4:2:0) the way libwebp does: its (9, 3, 3, 1)/16
// upsampler (upsampling.c) and its 14-bit matrix (yuv.h).
func fromWebP(p *image.YCbCr) *RGB {
	m := NewRGB(p.Rect.Dx(), p.Rect.Dy())
	u, v := newChroma(p, p.Cb), newChroma(p, p.Cr)
	uRow, vRow := make([]uint8, m.W), make([]uint8, m.W)
	for y := range m.H {
		u.upsampleWebP(y, uRow)
		v.upsampleWebP(y, vRow)
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

func mulHigh(v uint8, k int32) int32 { return int32(v) * k >> 8 }

// upsampleWebP mixes the four chroma samples around each luma sample in the order of roundings of libwebp.
func (c *chroma) upsampleWebP(y int, out []uint8) {
	near, far := c.row(y/2), c.far(y)
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
