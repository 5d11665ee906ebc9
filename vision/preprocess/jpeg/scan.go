package jpeg

import (
	"errors"
	"fmt"
)

// maxScans bounds the work that a small file can ask for: files in use have about ten.
const maxScans = 500

// scan is a scan header (B.2.3) and the state of its decoding.
type scan struct {
	f              *frame
	r              bits
	parts          []part
	from, to       int // spectral selection
	high, low      uint
	eobRun         int // blocks that are still to be left alone, this one included
	interval, left int // restart interval, MCUs before the next restart
	nextRST        uint8
}

// part is a component in a scan.
type part struct {
	c      *component
	dc, ac *huffman
	last   int32 // the last DC value
}

var (
	errCode  = errors.New("damaged data: bits that are no Huffman code")
	errEarly = errors.New("damaged data: a marker or the end of the file comes before the end of the scan")
	errIndex = errors.New("damaged data: a coefficient lies outside its band")
)

// readScan reads a scan header and the scan.
func (d *decoder) readScan() error {
	if d.scans++; d.scans > maxScans {
		return fmt.Errorf("more than %d scans", maxScans)
	}
	h, err := d.segment(sos)
	if err != nil {
		return err
	}
	s, err := d.newScan(h)
	if err != nil {
		return fmt.Errorf("scan %d: %w", d.scans, err)
	}
	s.r = bits{b: d.b, pos: d.pos}
	if err := s.run(); err != nil {
		return fmt.Errorf("scan %d: %w", d.scans, err)
	}
	d.pos = s.r.pos
	return nil
}

func (d *decoder) newScan(h []byte) (*scan, error) {
	if len(h) < 1 || h[0] < 1 || h[0] > 4 || len(h) != 4+2*int(h[0]) {
		return nil, fmt.Errorf("the scan header has %d bytes, want 4 and two for each of 1 to 4 components", len(h))
	}
	n := int(h[0])
	s := &scan{f: &d.frame, interval: d.interval, left: d.interval, parts: make([]part, n)}
	tail := h[1+2*n:]
	s.from, s.to, s.high, s.low = int(tail[0]), int(tail[1]), uint(tail[2]>>4), uint(tail[2]&15)
	if err := s.checkProgression(); err != nil {
		return nil, err
	}
	blocks := 0
	for i := range s.parts {
		id, tables := h[1+2*i], h[2+2*i]
		c, err := d.component(id)
		if err != nil {
			return nil, err
		}
		for _, other := range s.parts[:i] {
			if other.c == c {
				return nil, fmt.Errorf("component %d is in it twice", id)
			}
		}
		if s.parts[i], err = s.newPart(d, c, tables); err != nil {
			return nil, fmt.Errorf("component %d: %w", id, err)
		}
		blocks += c.h * c.v
	}
	if n > 1 && blocks > 10 {
		return nil, fmt.Errorf("an MCU has %d blocks, want at most 10", blocks)
	}
	return s, nil
}

func (d *decoder) component(id uint8) (*component, error) {
	for i := range d.frame.components {
		if d.frame.components[i].id == id {
			return &d.frame.components[i], nil
		}
	}
	return nil, fmt.Errorf("it names component %d, which the frame does not have", id)
}

// newPart finds the tables of a component.
func (s *scan) newPart(d *decoder, c *component, tables uint8) (p part, err error) {
	p = part{c: c}
	td, ta := tables>>4, tables&15
	if td > 3 || ta > 3 {
		return p, fmt.Errorf("Huffman tables %d and %d, want 0 to 3", td, ta)
	}
	p.dc, p.ac = d.dc[td], d.ac[ta]
	if !s.f.progressive {
		if p.dc == nil && int(td) < len(standard.dc) {
			p.dc = standard.dc[td]
		}
		if p.ac == nil && int(ta) < len(standard.ac) {
			p.ac = standard.ac[ta]
		}
	}
	needDC := s.from == 0 && s.high == 0
	needAC := s.to > 0
	if needDC && p.dc == nil || needAC && p.ac == nil {
		return p, errors.New("its Huffman table is missing")
	}
	if c.quant != nil {
		if !s.f.progressive {
			return p, errors.New("a second scan")
		}
	} else if c.quant = d.quant[c.tq]; c.quant == nil {
		return p, fmt.Errorf("quantisation table %d is missing", c.tq)
	}
	if !s.f.progressive {
		return p, nil
	}
	for k := s.from; k <= s.to; k++ {
		want := int8(-1)
		if s.high > 0 {
			want = int8(s.high)
		}
		if c.bits[k] != want {
			return p, fmt.Errorf("coefficient %d is sent from bit %d to %d, known is %d", k, s.high, s.low, c.bits[k])
		}
		c.bits[k] = int8(s.low)
	}
	return p, nil
}

// checkProgression checks the last fields of a scan header (table B.3).
func (s *scan) checkProgression() error {
	if !s.f.progressive {
		// Sequential files have one setting; libjpeg reads on whatever stands there, because it has no bearing.
		s.from, s.to, s.high, s.low = 0, 63, 0, 0
		return nil
	}
	wrong := s.to > 63 || s.from > s.to || s.low > 13 || s.high > 0 && s.low != s.high-1
	if s.from == 0 {
		wrong = wrong || s.to != 0
	} else {
		wrong = wrong || len(s.parts) != 1
	}
	if wrong {
		return fmt.Errorf("coefficients %d to %d, bits %d to %d of %d components, which no progressive scan has", s.from, s.to, s.high, s.low, len(s.parts))
	}
	return nil
}

// run goes through the MCUs (A.2).
func (s *scan) run() error {
	decode := s.sequential
	if s.f.progressive {
		switch {
		case s.from == 0 && s.high == 0:
			decode = s.dcFirst
		case s.from == 0:
			decode = s.dcRefine
		case s.high == 0:
			decode = s.acFirst
		default:
			decode = s.acRefine
		}
	}
	if len(s.parts) == 1 { // not interleaved: the blocks of the picture, row by row
		p := &s.parts[0]
		for by := range p.c.blocksY {
			for bx := range p.c.blocksX {
				if err := s.restart(); err != nil {
					return err
				}
				if err := s.block(decode, p, bx, by); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for my := range s.f.mcusY {
		for mx := range s.f.mcusX {
			if err := s.restart(); err != nil {
				return err
			}
			if err := s.mcu(decode, mx, my); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scan) mcu(decode func(*part, int, int) error, mx, my int) error {
	for i := range s.parts {
		p := &s.parts[i]
		for y := range p.c.v {
			for x := range p.c.h {
				if err := s.block(decode, p, mx*p.c.h+x, my*p.c.v+y); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *scan) block(decode func(*part, int, int) error, p *part, bx, by int) error {
	if err := decode(p, bx, by); err != nil {
		return err
	}
	if s.r.over() {
		return errEarly
	}
	return nil
}

// restart reads the marker that stands before every interval but the first (F.2.1.3.1). If it has another number than is due, this goes on as
// jpeg_resync_to_restart of libjpeg's jdmarker.c does: with this interval if the number is three to five off, as it is where a
// writer does not count; behind the next marker if it was due one or two ago. One that will be due in one or two says that an interval is missing: libjpeg
// makes it grey, here it is an error.
func (s *scan) restart() error {
	if s.interval == 0 {
		return nil
	}
	if s.left > 0 {
		s.left--
		return nil
	}
	d := decoder{b: s.r.b, pos: s.r.pos}
	for due := rst0 + s.nextRST; ; {
		m, err := d.marker()
		if err != nil {
			return errEarly
		}
		ahead := (m - due) & 7
		if m < sof0 || m >= rst0 && m <= rst7 && ahead >= 6 {
			continue
		}
		if m < rst0 || m > rst7 || ahead == 1 || ahead == 2 {
			return fmt.Errorf("damaged data: marker FF %02X where FF %02X restarts: an interval is missing", m, due)
		}
		break
	}
	s.nextRST = (s.nextRST + 1) & 7
	s.r.reset(d.pos)
	for i := range s.parts {
		s.parts[i].last = 0
	}
	s.eobRun = 0
	s.left = s.interval - 1
	return nil
}

// sequential decodes a block and transforms it at once.
func (s *scan) sequential(p *part, bx, by int) error {
	var b [64]int16
	t := s.r.symbol(p.dc)
	if t < 0 {
		return errCode
	}
	p.last += s.r.value(uint(t))
	b[0] = int16(p.last)
	// symbol and value on copies of the reader's bits, which stay in registers.
	acc, n := s.r.acc, s.r.n
	for k := 1; k < 64; k++ {
		if n < 32 {
			s.r.acc, s.r.n = acc, n
			s.r.fill()
			acc, n = s.r.acc, s.r.n
		}
		e := p.ac.look[acc>>((n-lookBits)&63)&(1<<lookBits-1)]
		rs := int(e & 0xff)
		if n -= uint(e >> 8); e == 0 {
			s.r.acc, s.r.n = acc, n
			if rs = s.r.symbol(p.ac); rs < 0 {
				return errCode
			}
			acc, n = s.r.acc, s.r.n
		}
		run, size := rs>>4, uint(rs&15)
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return errIndex
		}
		n -= size
		v := int32(acc>>(n&63)) & (1<<size - 1)
		if v < 1<<(size-1) {
			v -= 1<<size - 1
		}
		b[zigzag[k]] = int16(v)
	}
	s.r.acc, s.r.n = acc, n
	c := p.c
	idct(&b, c.quant, c.pix[64*by*c.stride+8*bx:], 8*c.stride)
	return nil
}
