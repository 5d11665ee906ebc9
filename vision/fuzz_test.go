package vision

import (
	"os"
	"path/filepath"
	"testing"

	"moslava/internal/nn"
)

// FuzzParseConfig wants an error or a tower that can be declared, and that knows its sizes.
func FuzzParseConfig(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*", "config*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"model_type":"siglip","vision_config":{"image_size":[384,384],"patch_size":14}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseConfig(raw)
		if err != nil {
			return
		}
		if c.HiddenSize <= 0 || c.HiddenSize%c.NumAttentionHeads != 0 || c.IntermediateSize <= 0 || c.Patches(c.ImageSize, c.ImageSize) <= 0 ||
			c.CheckSize(c.ImageSize, c.ImageSize) != nil || c.Extra() < 0 {
			t.Fatalf("%+v from %q", c, raw)
		}
		if c.NumHiddenLayers > 64 {
			return // no more is learnt
		}
		if _, _, err := nn.Outline(func(s *nn.Scope) *Tower { return New(s, c) }); err != nil {
			t.Fatalf("%+v from %q: %v", c, raw, err)
		}
	})
}
