package language

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"moslava/internal/nn"
)

// FuzzParseConfig wants an error or a decoder that can be declared, with positions that are numbers.
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
	f.Add([]byte(`{"model_type":"internlm2","bias":false,"rope_scaling":null,"num_key_value_heads":8}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseConfig(raw)
		if err != nil {
			return
		}
		if c.HeadDim <= 0 || c.NumAttentionHeads%c.NumKeyValueHeads != 0 || len(c.LayerTypes) != c.NumHiddenLayers {
			t.Fatalf("%+v from %q", c, raw)
		}
		for i, f := range c.invFreq() {
			if math.IsNaN(float64(f)) {
				t.Fatalf("frequency %d is %g, from %q", i, f, raw)
			}
		}
		if c.NumHiddenLayers > 64 {
			return // no more is learnt
		}
		if _, _, err := nn.Outline(func(s *nn.Scope) *Decoder { return New(s, c) }); err != nil {
			t.Fatalf("%+v from %q: %v", c, raw, err)
		}
	})
}
