package preprocess

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// goldenFile is testdata/goldens.json; testdata/make.py says how it was made.
type goldenFile struct {
	Decode []struct{ File, RGB, White, Upright string }
	JPEG   []string
	Resize []struct {
		File         string
		W, H         int
		Filter       Filter
		ColumnsFirst string `json:"columns_first"`
		Pillow13     string
	}
	Apply []struct {
		File    string
		Config  json.RawMessage
		H, W    int
		U8, F32 string
	}
}

func goldens(t testing.TB) *goldenFile {
	t.Helper()
	var g goldenFile
	if err := json.Unmarshal(read(t, "goldens.json"), &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Decode) == 0 || len(g.JPEG) == 0 || len(g.Resize) == 0 || len(g.Apply) == 0 {
		t.Fatal("goldens.json lacks a part")
	}
	return &g
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func picture(t testing.TB, name string) *RGB {
	t.Helper()
	m, err := Decode(read(t, name), 0)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func digestFloats(t testing.TB, v []float32) string {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		t.Fatal(err)
	}
	return digest(b.Bytes())
}
