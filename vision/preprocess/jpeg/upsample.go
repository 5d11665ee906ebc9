package jpeg

// upsampler widens one component to the picture's columns, row by row.
type upsampler struct {
	c      *component
	xs, ys int     // columns and rows of the picture per sample
	sums   []int32 // [c.w] one row's vertical mix
}

func newUpsampler(f *frame, c *component) *upsampler {
	return &upsampler{c: c, xs: f.maxH / c.h, ys: f.maxV / c.v, sums: make([]int32, c.w)}
}

// samples is row r, the outermost ones repeated.
func (u *upsampler) samples(r int) []uint8 {
	r = min(max(r, 0), u.c.rows-1)
	return u.c.pix[8*u.c.stride*r:][:u.c.w]
}

// far is the second nearest row of row y of the picture, at two rows a sample.
func (u *upsampler) far(y int) []uint8 { return u.samples(y/2 - 1 + y%2*2) }

// row writes row y of the picture into out. Components two columns wide or less are repeated across: libjpeg's triangle filter
// begins at three.
func (u *upsampler) row(y int, out []uint8) {
	wide := u.xs == 2 && u.c.w > 2
	switch {
	case u.xs == 1 && u.ys == 1:
		copy(out, u.samples(y))
	case u.xs == 1 && u.ys == 2:
		near, far, bias := u.samples(y/2), u.far(y), 1+y%2
		for i, v := range near[:len(out)] {
			out[i] = uint8((3*int(v) + int(far[i]) + bias) >> 2)
		}
	case wide && u.ys == 1:
		for i, v := range u.samples(y) {
			u.sums[i] = int32(v)
		}
		triangle(out, u.sums, 2, 1, 2)
	case wide && u.ys == 2:
		mixRows(u.sums, u.samples(y/2), u.far(y))
		triangle(out, u.sums, 4, 8, 7)
	default:
		row := u.samples(y / u.ys)
		for x := range out {
			out[x] = row[x/u.xs]
		}
	}
}

// mixRowsPlain is mixRows in Go.
func mixRowsPlain(sums []int32, near, far []uint8) {
	for i, v := range near {
		sums[i] = 3*int32(v) + int32(far[i])
	}
}

// trianglePlain is triangle in Go, of the columns from from to end of s.
func trianglePlain(out []uint8, s []int32, from, end int, shift uint, even, odd int32) {
	for i := from; i < end; i++ {
		v, last, next := s[i], s[max(i-1, 0)], s[min(i+1, len(s)-1)]
		out[2*i] = uint8((3*v + last + even) >> shift)
		if 2*i+1 == len(out) {
			break
		}
		out[2*i+1] = uint8((3*v + next + odd) >> shift)
	}
}
