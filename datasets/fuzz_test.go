package datasets

import (
	"os"
	"path/filepath"
	"strings"
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
	path := filepath.Join(f.TempDir(), "x.arrow")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := OpenArrow(path)
		if err == nil {
			defer s.Close()
			for i := range min(s.Len(), 100) {
				if _, err = s.At(i); err != nil {
					break
				}
			}
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name the file", err)
		}
	})
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
	path := filepath.Join(f.TempDir(), "x.parquet")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err == nil {
			defer s.Close()
			for i := range min(s.Len(), 100) {
				if _, err = s.At(i); err != nil {
					break
				}
			}
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name the file", err)
		}
	})
}
