package preprocess

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSizeIsThatOfTheDecodedPicture: of every picture that can be read, turned upright or not.
func TestSizeIsThatOfTheDecodedPicture(t *testing.T) {
	read := 0
	err := filepath.WalkDir("testdata", func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, d := range []Decoder{{}, {Orient: true}} {
			m, err := d.Decode(b)
			if err != nil {
				continue
			}
			read++
			if w, h, err := d.Size(b); err != nil || w != m.W || h != m.H {
				t.Errorf("%s: %d x %d, %v, decoded it is %d x %d", path, w, h, err, m.W, m.H)
			}
		}
		return nil
	})
	if err != nil || read < 100 {
		t.Fatalf("%d pictures read: %v", read, err)
	}
}
