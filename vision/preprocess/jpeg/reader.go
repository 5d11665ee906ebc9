package jpeg

import (
	"errors"
	"fmt"
	"io"
)

// Markers (T.81, table B.1), the second byte.
const (
	sof0, sof1, sof2 = 0xc0, 0xc1, 0xc2
	dht              = 0xc4
	jpg              = 0xc8
	dac              = 0xcc
	rst0, rst7       = 0xd0, 0xd7
	soi, eoi         = 0xd8, 0xd9
	sos, dqt         = 0xda, 0xdb
	dnl, dri         = 0xdc, 0xdd
	dhp, exp         = 0xde, 0xdf
	app0, app14      = 0xe0, 0xee
	app15, com       = 0xef, 0xfe
	tem              = 0x01
)

// processes are the frames that are not read.
var processes = map[uint8]string{
	0xc3: "lossless", 0xc5: "hierarchical", 0xc6: "hierarchical", 0xc7: "hierarchical",
	0xc9: "arithmetic coding", 0xca: "arithmetic coding", 0xcb: "arithmetic coding",
	0xcd: "hierarchical", 0xce: "hierarchical", 0xcf: "hierarchical", jpg: "an extension",
	dhp: "hierarchical", exp: "hierarchical",
}

var errTruncated = fmt.Errorf("the file is cut off: %w", io.ErrUnexpectedEOF)

// decoder is the state of one file.
type decoder struct {
	b   []byte
	pos int

	frame    frame
	quant    [4]*[64]uint16 // as they stand, natural order
	dc, ac   [4]*huffman
	interval int // restart interval in MCUs; 0: none
	scans    int

	jfif, adobe bool
	transform   uint8 // of Adobe's marker

	fixed, ycbcr bool // somebody else says what three components are
}

// open checks the signature.
func open(b []byte) (*decoder, error) {
	if len(b) < 2 || b[0] != 0xff || b[1] != soi {
		return nil, errors.New("no JPEG: it does not begin with FF D8")
	}
	return &decoder{b: b, pos: 2}, nil
}

// marker goes to the next marker and behind it. Bytes that are none are skipped, as libjpeg does.
func (d *decoder) marker() (uint8, error) {
	for d.pos+1 < len(d.b) {
		if d.b[d.pos] != 0xff {
			d.pos++
			continue
		}
		m := d.b[d.pos+1]
		if m == 0xff { // a fill byte
			d.pos++
			continue
		}
		d.pos += 2
		if m != 0 {
			return m, nil
		}
	}
	return 0, errTruncated
}

// segment is the parameters that follow a marker.
func (d *decoder) segment(marker uint8) ([]byte, error) {
	if len(d.b)-d.pos < 2 {
		return nil, errTruncated
	}
	n := int(d.b[d.pos])<<8 | int(d.b[d.pos+1])
	if n < 2 && (marker >= app0 && marker <= app15 || marker == com) {
		n = 2 // nothing that is needed can be in it: libjpeg goes on behind the length
	}
	if n < 2 {
		return nil, fmt.Errorf("segment FF %02X has length %d, want at least 2", marker, n)
	}
	if len(d.b)-d.pos < n {
		return nil, errTruncated
	}
	s := d.b[d.pos+2 : d.pos+n]
	d.pos += n
	return s, nil
}

// untilFrame reads up to and with the frame header.
func (d *decoder) untilFrame() error {
	for !d.frame.set {
		m, err := d.marker()
		if err != nil {
			return err
		}
		if m == sos || m == eoi {
			return fmt.Errorf("marker FF %02X comes before the frame header", m)
		}
		if err := d.between(m); err != nil {
			return err
		}
	}
	return nil
}

// between reads what may stand between scans, all but SOS and EOI.
func (d *decoder) between(m uint8) error {
	switch {
	case m == tem || m >= rst0 && m <= rst7: // no parameters
		return nil
	case m == soi:
		return errors.New("a second FF D8")
	case m == dnl:
		return d.readLines()
	case m > tem && m < sof0, m > app15 && m < com:
		return fmt.Errorf("marker FF %02X, which is reserved", m)
	}
	if name := processes[m]; name != "" {
		return fmt.Errorf("process FF %02X (%s), which is not read: want baseline, extended or progressive Huffman coding", m, name)
	}
	s, err := d.segment(m)
	if err != nil {
		return err
	}
	switch m {
	case sof0, sof1, sof2:
		if d.frame.set {
			return errors.New("a second frame header")
		}
		return d.frame.read(s, m == sof2)
	case dqt:
		return d.readQuant(s)
	case dht:
		return d.readHuffman(s)
	case dac:
		return errors.New("arithmetic conditioning (DAC), which is not read")
	case dri:
		if len(s) != 2 {
			return fmt.Errorf("DRI has %d bytes, want 2", len(s))
		}
		d.interval = int(s[0])<<8 | int(s[1])
	case app0:
		d.jfif = d.jfif || len(s) >= 14 && string(s[:5]) == "JFIF\x00"
	case app14:
		if len(s) >= 12 && string(s[:5]) == "Adobe" {
			d.adobe, d.transform = true, s[11]
		}
	}
	return nil
}

// readLines reads the number of lines that may stand behind a scan (B.2.5): the height that the frame header has, too. libjpeg passes over whatever it
// says; here another height is an error.
func (d *decoder) readLines() error {
	s, err := d.segment(dnl)
	if err != nil {
		return err
	}
	if len(s) != 2 {
		return fmt.Errorf("DNL has %d bytes, want 2", len(s))
	}
	if h := int(s[0])<<8 | int(s[1]); h != d.frame.h {
		return fmt.Errorf("a height of %d is given behind the scan (DNL), the frame header says %d", h, d.frame.h)
	}
	return nil
}

// readQuant reads quantisation tables (B.2.4.1).
func (d *decoder) readQuant(s []byte) error {
	for len(s) > 0 {
		precision, id := s[0]>>4, s[0]&15
		if precision > 1 || id > 3 {
			return fmt.Errorf("quantisation table %d of precision %d, want 0 to 3 of 0 or 1", id, precision)
		}
		n := 64 * (1 + int(precision))
		if len(s) < 1+n {
			return fmt.Errorf("quantisation table %d has %d bytes, want %d", id, len(s)-1, n)
		}
		t := new([64]uint16)
		for i, at := range zigzag {
			if precision == 0 {
				t[at] = uint16(s[1+i])
			} else {
				t[at] = uint16(s[1+2*i])<<8 | uint16(s[2+2*i])
			}
		}
		d.quant[id] = t
		s = s[1+n:]
	}
	return nil
}

// zigzag is where the coefficients of the bit stream stand in a block, row by row (figure A.6).
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}
