package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Tags of TIFF 6.0 that matter for pixels.
const (
	tagWidth, tagHeight, tagBits, tagCompression = 256, 257, 258, 259
	tagPhotometric, tagFillOrder                 = 262, 266
	tagStripOffsets, tagOrientation, tagSamples  = 273, 274, 277
	tagRowsPerStrip, tagStripCounts              = 278, 279
	tagPlanar, tagT4, tagPredictor, tagColours   = 284, 292, 317, 320
	tagTileWidth, tagTileHeight                  = 322, 323
	tagTileOffsets, tagTileCounts                = 324, 325
	tagExtra, tagFormat, tagJPEGTables           = 338, 339, 347
)

// tiffSingle are fields with one value, and tiffLayout all that decide where samples are and what they mean: one that is damaged does not
// become its default.
var (
	tiffSingle = []uint16{tagWidth, tagHeight, tagCompression, tagPhotometric, tagSamples, tagRowsPerStrip, tagPlanar, tagPredictor, tagTileWidth, tagTileHeight}
	tiffLayout = append([]uint16{tagBits, tagStripOffsets, tagStripCounts, tagColours, tagTileOffsets, tagTileCounts, tagExtra, tagFormat, tagJPEGTables},
		tiffSingle...)
)

// Photometric interpretations.
const (
	tiffWhiteIsZero, tiffBlackIsZero, tiffRGB, tiffPalette, tiffCMYK, tiffYCbCr = 0, 1, 2, 3, 5, 6
)

// tiffHeader is the first directory of a file.
type tiffHeader struct {
	b     []byte
	order binary.ByteOrder
	tags  map[uint16]tiffEntry

	w, h                     int
	bits, samples            int // a sample's, and how many of them a pixel has
	photometric, compression int
	separate                 bool // each sample in a plane of its own
	predictor                int
	extra                    []int // meaning of the samples behind the colours
	blockW, blockH           int   // of a strip or tile
	tiled                    bool
	offsets, counts          []int
}

// tiffEntry is a field: its type and the bytes of its values.
type tiffEntry struct {
	kind  uint16
	count int
	data  []byte
}

var errTIFF = errors.New("cut off, or a directory that points outside the file")

func readTIFFHeader(b []byte) (*tiffHeader, error) {
	t := &tiffHeader{b: b, order: binary.LittleEndian, tags: map[uint16]tiffEntry{}}
	if len(b) < 8 {
		return nil, errTIFF
	}
	if b[0] == 'M' {
		t.order = binary.BigEndian
	}
	if err := t.readDirectory(); err != nil {
		return nil, err
	}
	if err := t.readLayout(); err != nil {
		return nil, err
	}
	return t, t.readBlocks()
}

func (t *tiffHeader) readDirectory() error {
	at := uint64(t.order.Uint32(t.b[4:]))
	if at+2 > uint64(len(t.b)) {
		return errTIFF
	}
	n := uint64(t.order.Uint16(t.b[at:]))
	if at += 2; at+12*n > uint64(len(t.b)) {
		return errTIFF
	}
	for ; n > 0; n, at = n-1, at+12 {
		e := t.b[at : at+12]
		tag := t.order.Uint16(e)
		kind, count := t.order.Uint16(e[2:]), uint64(t.order.Uint32(e[4:]))
		size := count * uint64(map[uint16]int{1: 1, 3: 2, 4: 4, 7: 1}[kind])
		layout := slices.Contains(tiffLayout, tag)
		switch _, twice := t.tags[tag]; {
		case layout && twice:
			return fmt.Errorf("field %d is there twice", tag)
		case layout && (kind == 3 || kind == 4) == (tag == tagJPEGTables) || layout && size == 0:
			return fmt.Errorf("field %d has %d values of type %d", tag, count, kind)
		case count != 1 && slices.Contains(tiffSingle, tag):
			return fmt.Errorf("field %d has %d values, want one", tag, count)
		case size == 0:
			continue // text, fractions and so on
		}
		data := e[8:12]
		if size > 4 {
			from := uint64(t.order.Uint32(data))
			if from+size > uint64(len(t.b)) {
				if layout {
					return fmt.Errorf("field %d has %d values at %d, the file has %d bytes", tag, count, from, len(t.b))
				}
				continue
			}
			data = t.b[from : from+size]
		}
		t.tags[tag] = tiffEntry{kind, int(count), data[:size]}
	}
	return nil
}

// value is the i-th value of a field, or what it is when it is absent.
func (t *tiffHeader) value(tag uint16, i, absent int) int {
	e, ok := t.tags[tag]
	if !ok || i >= e.count {
		return absent
	}
	switch e.kind {
	case 3:
		return int(t.order.Uint16(e.data[2*i:]))
	case 4:
		return int(t.order.Uint32(e.data[4*i:]))
	}
	return int(e.data[i])
}

// values are all of a field.
func (t *tiffHeader) values(tag uint16) []int {
	v := make([]int, t.tags[tag].count)
	for i := range v {
		v[i] = t.value(tag, i, 0)
	}
	return v
}

// readLayout reads what a pixel is and refuses what Pillow refuses, or what is not handled.
func (t *tiffHeader) readLayout() error {
	t.w, t.h = t.value(tagWidth, 0, 0), t.value(tagHeight, 0, 0)
	t.bits, t.samples = t.value(tagBits, 0, 1), t.value(tagSamples, 0, 1)
	t.photometric, t.compression = t.value(tagPhotometric, 0, 0), t.value(tagCompression, 0, tiffRaw)
	planar := t.value(tagPlanar, 0, 1)
	if planar != 1 && planar != 2 {
		return fmt.Errorf("planar configuration %d, want 1 or 2", planar)
	}
	t.separate = planar == 2
	t.predictor = t.value(tagPredictor, 0, 1)
	colours, ok := map[int]int{tiffWhiteIsZero: 1, tiffBlackIsZero: 1, tiffRGB: 3, tiffPalette: 1, tiffCMYK: 4, tiffYCbCr: 3}[t.photometric]
	if !ok {
		return fmt.Errorf("photometric interpretation %d, want 0 to 3, 5 or 6", t.photometric)
	}
	if t.samples < colours || t.samples > colours+3 {
		return fmt.Errorf("%d samples a pixel, want %d and at most 3 more", t.samples, colours)
	}
	for i := range t.tags[tagBits].count {
		if v := t.value(tagBits, i, 0); v != t.bits {
			return fmt.Errorf("samples of %d and %d bits", t.bits, v)
		}
	}
	for _, v := range t.values(tagFormat) {
		if v != 1 {
			return fmt.Errorf("sample format %d, want unsigned integers (1)", v)
		}
	}
	t.extra = t.values(tagExtra)
	if n := t.samples - colours; len(t.extra) != n {
		if len(t.extra) != 0 || t.photometric != tiffRGB || n != 1 {
			return fmt.Errorf("%d samples a pixel with %d declared extra, want %d", t.samples, len(t.extra), n)
		}
		t.extra = []int{2} // an undeclared fourth sample is taken for alpha
	}
	return t.checkDepth(colours)
}

// checkDepth refuses depths that Pillow does not read for these colours.
func (t *tiffHeader) checkDepth(colours int) error {
	want := []int{8, 16}
	switch {
	case t.photometric == tiffPalette && t.samples == 1:
		want = []int{1, 2, 4, 8}
	case colours == 1 && t.samples == 1:
		want = []int{1, 2, 4, 8, 16}
	case colours == 1 || t.photometric == tiffYCbCr:
		want = []int{8}
	}
	if !slices.Contains(want, t.bits) {
		return fmt.Errorf("samples of %d bits, want one of %v", t.bits, want)
	}
	if t.photometric == tiffYCbCr && t.compression != tiffJPEG {
		return fmt.Errorf("YCbCr with compression %d, want JPEG (%d)", t.compression, tiffJPEG)
	}
	if colours == 1 && t.samples > 1 && (t.photometric == tiffWhiteIsZero || t.extra[0] == 1 || t.samples > 2) {
		return fmt.Errorf("grey or palette of photometric interpretation %d with extra samples %v", t.photometric, t.extra)
	}
	if t.predictor != 1 && t.predictor != 2 || t.predictor == 2 && t.bits < 8 {
		return fmt.Errorf("predictor %d at %d bits, want 1, or 2 at 8 or 16", t.predictor, t.bits)
	}
	return nil
}

// readBlocks finds strips or tiles.
func (t *tiffHeader) readBlocks() error {
	offsets, counts := uint16(tagStripOffsets), uint16(tagStripCounts)
	if _, t.tiled = t.tags[tagTileOffsets]; t.tiled {
		offsets, counts = tagTileOffsets, tagTileCounts
		t.blockW, t.blockH = t.value(tagTileWidth, 0, 0), t.value(tagTileHeight, 0, 0)
		const largest = 1024 // also where the picture is smaller
		if t.blockW < 1 || t.blockH < 1 || t.blockW > max(t.w+16, largest) || t.blockH > max(t.h+16, largest) {
			return fmt.Errorf("tiles of %d x %d in a picture of %d x %d", t.blockW, t.blockH, t.w, t.h)
		}
	} else if t.tags[tagTileWidth].count+t.tags[tagTileHeight].count > 0 {
		return errors.New("tiles without the places where they are")
	} else {
		t.blockW, t.blockH = t.w, max(min(t.value(tagRowsPerStrip, 0, t.h), t.h), 1)
	}
	if t.w < 1 || t.h < 1 || t.w > MaxSide || t.h > MaxSide {
		return nil // the size is refused by the caller
	}
	want := t.across() * t.down() * t.planes()
	if have := t.tags[offsets].count; have < want {
		return fmt.Errorf("%d strips or tiles, want %d", have, want)
	}
	t.offsets = t.values(offsets)[:want]
	t.counts = t.values(counts)
	if len(t.counts) < want {
		if t.compression != tiffRaw {
			return fmt.Errorf("%d lengths of strips or tiles, want %d", len(t.counts), want)
		}
		t.counts = make([]int, want)
		for i := range t.counts {
			t.counts[i] = t.blockBytes(t.blockH)
		}
	}
	return nil
}

func (t *tiffHeader) across() int { return (t.w + t.blockW - 1) / t.blockW }
func (t *tiffHeader) down() int   { return (t.h + t.blockH - 1) / t.blockH }

func (t *tiffHeader) planes() int {
	if t.separate {
		return t.samples
	}
	return 1
}

// perBlock is how many samples a pixel has within a block.
func (t *tiffHeader) perBlock() int { return t.samples / t.planes() }

// rowBytes is the length of a row of a block, blockBytes that of so many rows.
func (t *tiffHeader) rowBytes() int           { return (t.blockW*t.perBlock()*t.bits + 7) / 8 }
func (t *tiffHeader) blockBytes(rows int) int { return rows * t.rowBytes() }
