package preprocess

import "image"

// libjpeg's 16-bit fixed-point JFIF matrix (jdcolor.c): tables indexed by a chroma byte.
var crToR, cbToB, crToG, cbToG = func() (rr, bb, rg, bg [256]int32) {
	fix := func(x float64) int32 { return int32(x*65536 + 0.5) }
	for i := range rr {
		x := int32(i) - 128
		rr[i] = (fix(1.40200)*x + 32768) >> 16
		bb[i] = (fix(1.77200)*x + 32768) >> 16
		rg[i] = -fix(0.71414) * x
		bg[i] = -fix(0.34414)*x + 32768
	}
	return
}()

func clamp(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// fromJPEG converts like libjpeg-turbo with its default settings: "fancy" (triangle) chroma upsampling for 4:2:2, 4:2:0
// and 4:4:0, replication for the other ratios, then the JFIF matrix.
func fromJPEG(p *image.YCbCr) *RGB {
	m := NewRGB(p.Rect.Dx(), p.Rect.Dy())
	cb, cr := newChroma(p, p.Cb), newChroma(p, p.Cr)
	cbRow, crRow := make([]uint8, m.W), make([]uint8, m.W)
	for y := range m.H {
		cb.upsample(y, cbRow)
		cr.upsample(y, crRow)
		d := m.row(y)
		for x, l := range p.Y[y*p.YStride:][:m.W] {
			l, b, r := int32(l), cbRow[x], crRow[x]
			q := d[3*x : 3*x+3 : 3*x+3]
			q[0] = clamp(l + crToR[r])
			q[1] = clamp(l + (cbToG[b]+crToG[r])>>16)
			q[2] = clamp(l + cbToB[b])
		}
	}
	return m
}

// chroma is one subsampled plane.
type chroma struct {
	pix      []uint8
	stride   int
	w, h     int   // samples that belong to the picture
	xs, ys   int   // luma samples per chroma sample
	weighted []int // [w], one row's vertical 3:1 mix
}

func newChroma(p *image.YCbCr, pix []uint8) *chroma {
	c := &chroma{pix: pix, stride: p.CStride, xs: 1, ys: 1}
	switch p.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		c.xs = 2
	case image.YCbCrSubsampleRatio420:
		c.xs, c.ys = 2, 2
	case image.YCbCrSubsampleRatio440:
		c.ys = 2
	case image.YCbCrSubsampleRatio411:
		c.xs = 4
	case image.YCbCrSubsampleRatio410:
		c.xs, c.ys = 4, 2
	}
	c.w = (p.Rect.Dx() + c.xs - 1) / c.xs
	c.h = (p.Rect.Dy() + c.ys - 1) / c.ys
	c.weighted = make([]int, c.w)
	return c
}

// row is chroma row r, the outermost ones repeated.
func (c *chroma) row(r int) []uint8 {
	r = min(max(r, 0), c.h-1)
	return c.pix[r*c.stride:][:c.w]
}

// far is the second nearest chroma row of luma row y.
func (c *chroma) far(y int) []uint8 {
	if y%2 == 0 {
		return c.row(y/2 - 1)
	}
	return c.row(y/2 + 1)
}

// upsample writes luma row y's chroma into out (jdsample.c). Planes of one or two columns are replicated: libjpeg's
// horizontal triangle filter needs three.
func (c *chroma) upsample(y int, out []uint8) {
	switch {
	case c.xs == 1 && c.ys == 1:
		copy(out, c.row(y))
	case c.xs == 1 && c.ys == 2:
		near, far, bias := c.row(y/2), c.far(y), 1+y%2
		for i, v := range near {
			out[i] = uint8((3*int(v) + int(far[i]) + bias) >> 2)
		}
	case c.xs == 2 && c.ys == 1 && c.w > 2:
		for i, v := range c.row(y) {
			c.weighted[i] = int(v)
		}
		c.triangle(out, 2, 1, 2)
	case c.xs == 2 && c.ys == 2 && c.w > 2:
		near, far := c.row(y/2), c.far(y)
		for i, v := range near {
			c.weighted[i] = 3*int(v) + int(far[i])
		}
		c.triangle(out, 4, 8, 7)
	default:
		row := c.row(y / c.ys)
		for x := range out {
			out[x] = row[x/c.xs]
		}
	}
}

// triangle is the horizontal filter 3:1 over c.weighted: even columns lean left and round with even, odd ones right
// with odd; the outermost columns see their own sample alone.
func (c *chroma) triangle(out []uint8, shift, even, odd int) {
	s := c.weighted
	for x := range out {
		i := x / 2
		if x%2 == 0 {
			out[x] = uint8((3*s[i] + s[max(i-1, 0)] + even) >> shift)
		} else {
			out[x] = uint8((3*s[i] + s[min(i+1, len(s)-1)] + odd) >> shift)
		}
	}
}
