package jpeg

import (
	"errors"
	"fmt"
)

// frame is the frame header (B.2.2) and what follows from it.
type frame struct {
	set         bool
	progressive bool
	w, h        int
	maxH, maxV  int
	mcusX       int // of an interleaved scan
	mcusY       int
	components  []component
}

// component is one of Y, Cb, Cr and so on.
type component struct {
	id, tq  uint8
	h, v    int // sampling factors
	w, rows int // samples that belong to the picture

	blocksX, blocksY int // blocks that hold them
	stride, height   int // blocks that an interleaved scan has, to whole MCUs

	quant *[64]uint16 // that of the first scan it is in
	coef  []int16     // [height, stride, 64], progressive only
	bits  [64]int8    // progressive: the bit up to which each coefficient is known, -1: nothing
	pix   []uint8     // [8 height, 8 stride]
}

func (f *frame) read(s []byte, progressive bool) error {
	if len(s) < 6 {
		return fmt.Errorf("the frame header has %d bytes, want at least 6", len(s))
	}
	n := int(s[5])
	if s[0] != 8 {
		return fmt.Errorf("samples of %d bits, want 8", s[0])
	}
	f.progressive = progressive
	f.h, f.w = int(s[1])<<8|int(s[2]), int(s[3])<<8|int(s[4])
	if f.w == 0 || f.h == 0 {
		return fmt.Errorf("%d x %d pixels declared, want at least 1 x 1", f.w, f.h)
	}
	if n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("%d components, want 1, 3 or 4", n)
	}
	if len(s) != 6+3*n {
		return fmt.Errorf("the frame header has %d bytes, want %d for %d components", len(s), 6+3*n, n)
	}
	f.components = make([]component, n)
	for i := range f.components {
		c, t := &f.components[i], s[6+3*i:]
		c.id, c.h, c.v, c.tq = t[0], int(t[1]>>4), int(t[1]&15), t[2]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return fmt.Errorf("component %d has sampling factors %d x %d, want 1 to 4", i, c.h, c.v)
		}
		if c.tq > 3 {
			return fmt.Errorf("component %d has quantisation table %d, want 0 to 3", i, c.tq)
		}
		for _, other := range f.components[:i] {
			if other.id == c.id {
				return fmt.Errorf("two components have the identifier %d", c.id)
			}
		}
		f.maxH, f.maxV = max(f.maxH, c.h), max(f.maxV, c.v)
	}
	f.set = true
	return f.layout()
}

// layout derives sizes (A.1.1, A.2.4).
func (f *frame) layout() error {
	f.mcusX, f.mcusY = ceil(f.w, 8*f.maxH), ceil(f.h, 8*f.maxV)
	for i := range f.components {
		c := &f.components[i]
		if f.maxH%c.h != 0 || f.maxV%c.v != 0 {
			return fmt.Errorf("component %d has sampling factors %d x %d of %d x %d, which is no whole ratio: not read", i, c.h, c.v, f.maxH, f.maxV)
		}
		c.w, c.rows = ceil(f.w*c.h, f.maxH), ceil(f.h*c.v, f.maxV)
		c.blocksX, c.blocksY = ceil(c.w, 8), ceil(c.rows, 8)
		c.stride, c.height = f.mcusX*c.h, f.mcusY*c.v
		for k := range c.bits {
			c.bits[k] = -1
		}
	}
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

// blocks is how many there are at least.
func (f *frame) blocks() int {
	n := 0
	for i := range f.components {
		n += f.components[i].blocksX * f.components[i].blocksY
	}
	return n
}

var errNoScan = errors.New("no scan")

// allocate takes memory for samples and, in progressive files, coefficients.
func (f *frame) allocate() {
	for i := range f.components {
		c := &f.components[i]
		n := 64 * c.stride * c.height
		if f.progressive {
			c.coef = make([]int16, n)
		} else {
			c.pix = make([]uint8, n)
		}
	}
}

// complete tells whether everything is known without the end of the file: of a progressive file more scans could follow.
func (f *frame) complete() bool {
	for i := range f.components {
		if f.progressive || f.components[i].quant == nil {
			return false
		}
	}
	return true
}

// finish makes the samples of progressive files and checks that every component is there.
func (f *frame) finish() error {
	for i := range f.components {
		c := &f.components[i]
		if c.quant == nil {
			return fmt.Errorf("component %d: %w", i, errNoScan)
		}
		if !f.progressive {
			continue
		}
		// libjpeg smooths block edges where one of the first nine AC coefficients is not known to the last bit.
		for k, bit := range c.bits[:10] {
			if bit != 0 {
				return fmt.Errorf("the scans of component %d end before coefficient %d is complete: such files are not read", i, k)
			}
		}
		c.pix = make([]uint8, len(c.coef))
		for by := range c.height {
			for bx := range c.stride {
				at := 64 * (by*c.stride + bx)
				idct((*[64]int16)(c.coef[at:]), c.quant, c.pix[64*by*c.stride+8*bx:], 8*c.stride)
			}
		}
		c.coef = nil
	}
	return nil
}
