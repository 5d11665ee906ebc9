package preprocess

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestDamagedContainers: WebP, TIFF and BMP files that Pillow refuses are errors; of those that it reads pixels are equal, or there is an
// error all the same: stricter has them. testdata/damaged/make_containers.py makes the table.
func TestDamagedContainers(t *testing.T) {
	stricter := []string{ // damaged fields, which Pillow replaces by defaults, and fax codes, which libtiff guesses
		"1bit.tiff: one bit 1", "1bit.tiff: one bit of the first 64 bytes 1", "group4.tiff: one bit 1", "group4.tiff: one bit of the first 64 bytes 1",
		"group4.tiff: one bit of the first 64 bytes 2", "group4.tiff: one bit of the last 200 bytes 2", "group4.tiff: a number replaced 1",
		"group4.tiff: a number replaced 2",
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
