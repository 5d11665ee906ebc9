package datasets

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzArrow: whatever the bytes, there is a row, or an error that names the file.
func FuzzArrow(f *testing.F) {
	paths, _ := filepath.Glob(filepath.Join(formFiles, "*.arrow"))
	for _, p := range append(paths, filepath.Join(golden, "messages", "data-00000-of-00001.arrow")) {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	fuzzRows(f, "x.arrow")
}

// FuzzParquet: whatever the bytes, there is a row, or an error that names the file.
func FuzzParquet(f *testing.F) {
	for _, name := range []string{"parts_mixed", "weight_0", "cauldron", "prompt_messages", "tools"} {
		b, err := os.ReadFile(filepath.Join("testdata", "rows", name+".parquet"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	fuzzRows(f, "x.parquet")
}
