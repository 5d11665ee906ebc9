package preprocess

import (
	"os"
	"path/filepath"
	"testing"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWithSizeGivesASquare(t *testing.T) {
	c, err := Default("CLIPImageProcessor")
	if err != nil {
		t.Fatal(err)
	}
	c = c.WithPadToSquare().WithSize(48)
	for _, name := range []string{"tiny.png", "thin.png"} {
		pixels, h, w, err := c.ApplyBytes(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if h != 48 || w != 48 || len(pixels) != 3*48*48 {
			t.Errorf("%s: %d values of %d x %d, want 48 x 48", name, len(pixels), h, w)
		}
	}
}
