package jpeg

import (
	"errors"
	"fmt"
)

// Model is what the channels of a picture are.
type Model int

const (
	Grey Model = iota // 1 channel
	RGB               // 3 channels
	CMYK              // 4 channels, as they are stored: files of Adobe's programs have them inverted
)

// Channels is how many there are.
func (m Model) Channels() int { return [...]int{Grey: 1, RGB: 3, CMYK: 4}[m] }

// Picture is a decoded file.
type Picture struct {
	W, H  int
	Model Model
	Pix   []uint8 // [H, W, channels]
}

// Size reads the width and height that the file declares, and nothing behind its frame header.
func Size(b []byte) (w, h int, err error) {
	d, err := open(b)
	if err != nil {
		return 0, 0, err
	}
	if err := d.untilFrame(); err != nil {
		return 0, 0, err
	}
	return d.frame.w, d.frame.h, nil
}

// Decode reads a file. Bytes behind its end are ignored, and so is it if a sequential file has all data and no end. Where libjpeg warns and goes on, this
// does the same as long as every sample comes from the file (see the package's comment), and returns an error otherwise. The caller bounds the size
// (see Size): besides the result it takes up to two bytes a pixel and channel where files are sequential and four where they are progressive, and
// nothing where the file is too short to hold as many blocks as it declares.
func Decode(b []byte) (*Picture, error) {
	d, err := open(b)
	if err != nil {
		return nil, err
	}
	if err := d.untilFrame(); err != nil {
		return nil, err
	}
	return d.decode()
}

// DecodeAbbreviated reads a strip or tile of a TIFF of w x h pixels: tables, if there are any, stand in a file of their
// own without a picture. Three components are YCbCr or not as the TIFF says, and nothing is converted besides.
func DecodeAbbreviated(tables, b []byte, w, h int, ycbcr bool) (*Picture, error) {
	d := &decoder{}
	if len(tables) > 0 {
		t, err := open(tables)
		if err != nil {
			return nil, fmt.Errorf("tables: %w", err)
		}
		for {
			m, err := t.marker()
			if err == nil && m == sos {
				err = errors.New("a scan")
			}
			if err == nil && m != eoi {
				err = t.between(m)
			}
			if err != nil {
				return nil, fmt.Errorf("tables: %w", err)
			}
			if m == eoi {
				break
			}
		}
		*d = decoder{quant: t.quant, dc: t.dc, ac: t.ac, interval: t.interval}
	}
	o, err := open(b)
	if err != nil {
		return nil, err
	}
	d.b, d.pos = o.b, o.pos
	if err := d.untilFrame(); err != nil {
		return nil, err
	}
	if d.frame.w != w || d.frame.h != h {
		return nil, fmt.Errorf("%d x %d pixels declared, want %d x %d", d.frame.w, d.frame.h, w, h)
	}
	d.fixed, d.ycbcr = true, ycbcr
	return d.decode()
}

// decode reads what follows the frame header.
func (d *decoder) decode() (*Picture, error) {
	// The DC value of every block takes a bit at least.
	if n := d.frame.blocks(); n > 8*len(d.b) {
		return nil, fmt.Errorf("%d x %d pixels are %d blocks, more than %d bytes can hold: %w", d.frame.w, d.frame.h, n, len(d.b), errTruncated)
	}
	d.frame.allocate()
	for {
		m, err := d.marker()
		switch {
		case err != nil:
		case m == eoi:
			if err := d.frame.finish(); err != nil {
				return nil, err
			}
			return d.picture()
		case m == sos:
			err = d.readScan()
		default:
			err = d.between(m)
		}
		if errors.Is(err, errTruncated) && d.frame.complete() {
			return d.picture()
		}
		if err != nil {
			return nil, err
		}
	}
}

// picture brings the components together.
func (d *decoder) picture() (*Picture, error) {
	f := &d.frame
	model, convert := d.model()
	p := &Picture{W: f.w, H: f.h, Model: model, Pix: make([]uint8, f.w*f.h*model.Channels())}
	up := make([]*upsampler, len(f.components))
	rows := make([][]uint8, len(f.components))
	for i := range up {
		up[i] = newUpsampler(f, &f.components[i])
		rows[i] = make([]uint8, f.w)
	}
	n := f.w * model.Channels()
	for y := range f.h {
		for i, u := range up {
			u.row(y, rows[i])
		}
		convert(p.Pix[y*n:(y+1)*n], rows)
	}
	return p, nil
}
