package preprocess

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestDamagedContainers: WebP, TIFF, BMP, GIF and PNG files that Pillow refuses are errors; of those that it reads pixels are equal, or there is an
// error all the same: stricter has them. testdata/damaged/make_containers.py makes the table.
func TestDamagedContainers(t *testing.T) {
	stricter := []string{ // damaged fields, which Pillow replaces by defaults, and fax codes, which libtiff guesses
		"1bit.tiff: one bit 1", "1bit.tiff: one bit of the first 64 bytes 1", "group4.tiff: one bit 1", "group4.tiff: one bit of the first 64 bytes 1",
		"group4.tiff: one bit of the first 64 bytes 2", "group4.tiff: one bit of the last 200 bytes 2", "group4.tiff: a number replaced 1",
		"group4.tiff: a number replaced 2",
		// bytes between blocks, frames that do not fit the canvas; data of pixels with a wrong checksum or more of them than there are pixels
		"canvas.gif: bytes inserted 2", "canvas.gif: a number replaced 2", "transparent.gif: a number replaced 2", "palette2bit.png: bytes removed 2",
		"grey_transparent.png: bytes zeroed 1", "grey_transparent.png: bytes zeroed 2", "palette2bit.png: bytes zeroed 2",
	}
	var files []struct {
		Name   string
		File   []byte
		Pillow *string
	}
	if err := json.Unmarshal(read(t, "damaged/containers.json"), &files); err != nil {
		t.Fatal(err)
	}
	refused, equal := 0, 0
	for _, f := range files {
		m, err := Decode(f.File, 0)
		switch {
		case err != nil && strings.Contains(err.Error(), "panicked"):
			t.Errorf("%s: %v", f.Name, err)
		case err != nil && f.Pillow == nil:
			refused++
		case err != nil:
			if !slices.Contains(stricter, f.Name) {
				t.Errorf("%s: %v, Pillow reads it", f.Name, err)
			}
		case f.Pillow == nil:
			t.Errorf("%s: %d x %d pixels, Pillow refuses it", f.Name, m.W, m.H)
		case digest(m.Pix) != *f.Pillow:
			t.Errorf("%s: pixels %s, Pillow has %s", f.Name, digest(m.Pix), *f.Pillow)
		default:
			equal++
		}
	}
	if refused < 100 || equal < 50 {
		t.Errorf("%d files are refused and %d read, want more than 100 and 50", refused, equal)
	}
}

// TestEndCutOff: a picture all of whose pixels are there is read, whatever becomes of what follows them.
func TestEndCutOff(t *testing.T) {
	for name, most := range map[string]int{"rgb.png": 12, "grey16.png": 12, "palette.gif": 2, "transparent.gif": 2, "animated.gif": 1} {
		b := read(t, "formats/"+name)
		want, err := Decode(b, 0)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= most; n++ {
			if m, err := Decode(b[:len(b)-n], 0); err != nil || !slices.Equal(m.Pix, want.Pix) {
				t.Errorf("%s without its last %d bytes: %v", name, n, err)
			}
		}
		if strings.HasSuffix(name, ".png") {
			for i := range 12 { // of IEND
				flipped := slices.Clone(b)
				flipped[len(b)-12+i] ^= 0x80
				if m, err := Decode(flipped, 0); err != nil || !slices.Equal(m.Pix, want.Pix) {
					t.Errorf("%s with byte %d of its end damaged: %v", name, i, err)
				}
			}
			flipped := slices.Clone(b)
			flipped[len(b)-14] ^= 1 // the checksum of the pixels
			if _, err := Decode(flipped, 0); err == nil {
				t.Errorf("%s: damaged pixels are read", name)
			}
		}
	}
}
