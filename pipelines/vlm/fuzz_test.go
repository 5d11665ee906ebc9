package vlm

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParseConfig wants an error or a configuration that can be written and read again.
func FuzzParseConfig(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "llava-*", "config*.json"))
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
	f.Add([]byte(`{"model_type":"llava","text_config":null,"vision_config":null}`))
	f.Add([]byte(`{"imAge_token_indeX":0,"model_type":"llava","visiOn_Config":{"":false}}`)) // names of nothing: case counts
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseConfig(raw)
		if err != nil {
			return
		}
		out, err := c.JSON(nil)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		again, err := ParseConfig(out)
		if err != nil || again.ImageToken != c.ImageToken || again.Features.Full != c.Features.Full || again.Vision.HiddenSize != c.Vision.HiddenSize {
			t.Fatalf("%q became %s: %+v, error %v", raw, out, again, err)
		}
	})
}
