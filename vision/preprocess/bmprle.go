package preprocess

import "errors"

var errRuns = errors.New("cut off: its runs do not fill the picture")

// runs decodes RLE8 and RLE4 to [h, w] indices in the order of the file, as Pillow does: pixels that are skipped are 0, a run ends
// with its row, and what does not fill the picture is an error.
func (p *bmpHeader) runs(b []byte) ([]uint8, error) {
	// A run of 255 pixels takes two bytes, a jump over 255 rows four.
	if data := len(b) - p.data; p.w*p.h > data/2*255+data/4*255*(p.w+1) {
		return nil, errRuns
	}
	total := p.w * p.h
	out := make([]uint8, 0, min(total, 1<<20))
	at, x := p.data, 0
	for len(out) < total {
		if at+2 > len(b) {
			break
		}
		n, v := int(b[at]), b[at+1]
		at += 2
		switch {
		case n > 0:
			n = max(min(n, p.w-x), 0)
			for i := range n {
				out = append(out, p.pixel(v, i))
			}
			x += n
		case v == 0: // the end of a row
			for len(out)%p.w != 0 {
				out = append(out, 0)
			}
			x = 0
		case v == 1:
			return nil, errRuns
		case v == 2: // to the right and up
			if at+2 > len(b) {
				return nil, errRuns
			}
			skip := min(int(b[at])+int(b[at+1])*p.w, total-len(out))
			out = append(out, make([]uint8, skip)...)
			at += 2
			x = len(out) % p.w
		default: // as many pixels one by one, to an even place in the file
			n := min(int(v), total-len(out))
			size := n
			if p.bits == 4 {
				size = (n + 1) / 2
			}
			if at+size > len(b) {
				return nil, errRuns
			}
			for i := range n {
				if p.bits == 4 {
					out = append(out, p.pixel(b[at+i/2], i))
				} else {
					out = append(out, b[at+i])
				}
			}
			at += size
			at += at % 2
			x += int(v)
		}
	}
	if len(out) < total {
		return nil, errRuns
	}
	return out[:total], nil
}

// pixel is the i-th pixel of a byte that is repeated: two of four bits take turns.
func (p *bmpHeader) pixel(v uint8, i int) uint8 {
	switch {
	case p.bits == 8:
		return v
	case i%2 == 0:
		return v >> 4
	}
	return v & 15
}
