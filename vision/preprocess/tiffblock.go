package preprocess

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"

	"moslava/vision/preprocess/jpeg"
)

// Compressions of TIFF.
const (
	tiffRaw, tiffGroup3, tiffGroup4, tiffLZW = 1, 3, 4, 5
	tiffJPEG, tiffDeflate, tiffPackBits      = 7, 8, 32773
	tiffDeflateOld                           = 32946
)

// block is the bytes of rows rows of strip or tile i, decompressed.
func (t *tiffHeader) block(i, rows int) ([]byte, error) {
	from, n := t.offsets[i], t.counts[i]
	if from > len(t.b) || n > len(t.b)-from {
		return nil, errTIFF
	}
	b := t.b[from : from+n]
	if t.value(tagFillOrder, 0, 1) == 2 && t.compression != tiffJPEG {
		b = bytes.Clone(b)
		for i, v := range b {
			b[i] = bits.Reverse8(v)
		}
	}
	need := t.blockBytes(rows)
	out, err := t.expand(b, need, rows)
	if err != nil {
		return nil, fmt.Errorf("strip or tile %d: %w", i, err)
	}
	if len(out) < need {
		return nil, fmt.Errorf("strip or tile %d is cut off: %d bytes, want %d", i, len(out), need)
	}
	if out = out[:need]; t.predictor == 2 && (t.compression == tiffLZW || t.compression == tiffDeflate || t.compression == tiffDeflateOld) {
		t.undoPredictor(out)
	}
	return out, nil
}

// expand decompresses up to need bytes.
func (t *tiffHeader) expand(b []byte, need, rows int) ([]byte, error) {
	r := bytes.NewReader(b)
	switch t.compression {
	case tiffRaw:
		return b, nil
	case tiffPackBits:
		return unpackBits(b, need)
	case tiffLZW:
		z := lzw.NewReader(r, lzw.MSB, 8)
		defer z.Close()
		return readUpTo(z, need)
	case tiffDeflate, tiffDeflateOld:
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, err
		}
		return inflate(z, need)
	case tiffGroup3, tiffGroup4:
		return t.fax(r, need, rows)
	case tiffJPEG:
		p, err := jpeg.DecodeAbbreviated(t.tags[tagJPEGTables].data, b, t.blockW, rows, t.photometric == tiffYCbCr)
		if err != nil {
			return nil, err
		}
		if got := p.Model.Channels(); got != t.perBlock() || t.bits != 8 {
			return nil, fmt.Errorf("JPEG of %d channels, want %d of 8 bits", got, t.perBlock())
		}
		return p.Pix, nil
	}
	return nil, fmt.Errorf("compression %d, want none (1), CCITT (3, 4), LZW (5), JPEG (7), deflate (8, 32946) or PackBits (32773)", t.compression)
}

// fax reads CCITT groups 3 (in one dimension) and 4. White is 0 in the result, whatever 0 is to mean.
func (t *tiffHeader) fax(r io.Reader, need, rows int) ([]byte, error) {
	if t.bits != 1 || t.samples != 1 {
		return nil, errors.New("CCITT compression of more than one bit a pixel")
	}
	group := ccitt.Group4
	if t.compression == tiffGroup3 {
		if options := t.value(tagT4, 0, 0); options&3 != 0 {
			return nil, fmt.Errorf("T4Options is %d, want one dimension without uncompressed mode", options)
		}
		group = ccitt.Group3
	}
	return readUpTo(ccitt.NewReader(r, ccitt.MSB, group, t.blockW, rows, &ccitt.Options{Invert: true}), need)
}

// readUpTo reads n bytes, or fewer where the data end. Memory grows with what is there.
func readUpTo(r io.Reader, n int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if len(b) < n && err != nil {
		return nil, err
	}
	return b, nil
}

// inflate reads n bytes. Where they are all, the checksum behind them has to be right; more of them are not looked at, as in libtiff.
func inflate(z io.Reader, n int) ([]byte, error) {
	b, err := readUpTo(z, n)
	if err != nil || len(b) < n {
		return b, err
	}
	if _, err := io.ReadFull(z, make([]byte, 1)); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

// unpackBits undoes Macintosh's run lengths.
func unpackBits(b []byte, need int) ([]byte, error) {
	var out []byte
	for len(out) < need && len(b) > 0 {
		n := int(int8(b[0]))
		b = b[1:]
		switch {
		case n >= 0:
			if len(b) < n+1 {
				return nil, errTIFF
			}
			out, b = append(out, b[:n+1]...), b[n+1:]
		case n != -128:
			if len(b) < 1 {
				return nil, errTIFF
			}
			for range 1 - n {
				out = append(out, b[0])
			}
			b = b[1:]
		}
	}
	return out, nil
}

// undoPredictor adds up differences to the pixel on the left.
func (t *tiffHeader) undoPredictor(b []byte) {
	n := t.perBlock()
	for row := t.rowBytes(); len(b) >= row && row > 0; b = b[row:] {
		if t.bits == 8 {
			for i := n; i < row; i++ {
				b[i] += b[i-n]
			}
			continue
		}
		for i := 2 * n; i+1 < row; i += 2 {
			t.order.PutUint16(b[i:], t.order.Uint16(b[i:])+t.order.Uint16(b[i-2*n:]))
		}
	}
}
