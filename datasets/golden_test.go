package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const golden = "testdata/hf-arrow"

// truthFile is truth.json of the golden set, made by datasets 5.2.0.
type truthFile struct {
	Rows []struct {
		ID      string
		Turns   int
		First40 string
		Text    string `json:"text_sha256"`
		Image   *struct {
			SHA256 string
			Bytes  int
			Path   string
			Format string
			Size   [2]int
		}
	}
	Messages []struct {
		Images  []string
		Turns   int
		Roles   []string
		First40 string
		Text    string `json:"text_sha256"`
	}
}

func truth(t *testing.T) (x truthFile) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(golden, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &x); err != nil {
		t.Fatal(err)
	}
	return x
}

func mustOpen(t testing.TB, path string) Source {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func at(t testing.TB, s Source, i int) Sample {
	t.Helper()
	x, err := s.At(i)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// textSum hashes turns as truth.json does; names translates the speakers.
func textSum(turns []Turn, names map[string]string) string {
	var parts []string
	for _, t := range turns {
		from := t.From
		if n, ok := names[from]; ok {
			from = n
		}
		parts = append(parts, from+"\x00"+t.Value)
	}
	return sum([]byte(strings.Join(parts, "\x00")))
}

func first40(s string) string {
	r := []rune(s)
	return string(r[:min(len(r), 40)])
}

var openAI = map[string]string{Human: "user", GPT: "assistant"}

// checkRows compares a source with the sixty golden rows.
func checkRows(t *testing.T, s Source, images bool) {
	t.Helper()
	want := truth(t).Rows
	if s.Len() != len(want) {
		t.Fatalf("%d rows, want %d", s.Len(), len(want))
	}
	for i, w := range want {
		x := at(t, s, i)
		if x.ID != w.ID || len(x.Turns) != w.Turns || first40(x.Turns[0].Value) != w.First40 || textSum(x.Turns, nil) != w.Text {
			t.Errorf("row %d: id %q, %d turns, %q; want %q, %d, %q", i, x.ID, len(x.Turns), first40(x.Turns[0].Value), w.ID, w.Turns, w.First40)
		}
		if !images {
			continue
		}
		if (w.Image == nil) != (len(x.Pictures) == 0) || len(x.Pictures) > 1 {
			t.Errorf("row %d: %d pictures, want %v", i, len(x.Pictures), w.Image)
			continue
		}
		if w.Image == nil {
			continue
		}
		c, format, err := image.DecodeConfig(bytes.NewReader(x.Pictures[0].Bytes))
		if err != nil || strings.ToUpper(format) != w.Image.Format || [2]int{c.Width, c.Height} != w.Image.Size {
			t.Errorf("row %d: %s %dx%d, %v; want %v", i, format, c.Width, c.Height, err, w.Image)
		}
		if p := x.Pictures[0]; sum(p.Bytes) != w.Image.SHA256 || len(p.Bytes) != w.Image.Bytes || p.Path != w.Image.Path {
			t.Errorf("row %d: image %q of %d bytes differs from %q of %d", i, p.Path, len(p.Bytes), w.Image.Path, w.Image.Bytes)
		}
	}
}

func TestGoldenRows(t *testing.T) {
	for path, images := range map[string]bool{
		"saved": true, "saved/*.arrow": true, "cache": true, "cache/generator-train.arrow": true,
		"llava": true, "llava/data.json": true, "large_string": false, "string_view": false,
	} {
		t.Run(path, func(t *testing.T) {
			checkRows(t, mustOpen(t, filepath.Join(golden, filepath.FromSlash(path))), images)
		})
	}
}

// checkMessages compares a source with the golden rows of several pictures.
func checkMessages(t *testing.T, s Source) {
	t.Helper()
	want := truth(t).Messages
	if s.Len() != len(want) {
		t.Fatalf("%d rows, want %d", s.Len(), len(want))
	}
	for i, w := range want {
		x := at(t, s, i)
		if len(x.Turns) != w.Turns || first40(x.Turns[0].Value) != w.First40 || textSum(x.Turns, openAI) != w.Text {
			t.Errorf("row %d: %d turns, %q; want %d, %q", i, len(x.Turns), first40(x.Turns[0].Value), w.Turns, w.First40)
		}
		ps := x.Pictures
		if len(ps) != len(w.Images) {
			t.Errorf("row %d: %d pictures, want %d", i, len(ps), len(w.Images))
			continue
		}
		for k, p := range ps {
			if sum(p.Bytes) != w.Images[k] {
				t.Errorf("row %d: picture %d differs", i, k)
			}
		}
	}
}

func TestGoldenMessages(t *testing.T) {
	checkMessages(t, mustOpen(t, filepath.Join(golden, "messages")))
}

func TestGoldenEmpty(t *testing.T) {
	s := mustOpen(t, filepath.Join(golden, "empty"))
	if s.Len() != 0 {
		t.Errorf("%d rows, want 0", s.Len())
	}
	if _, err := s.At(0); err == nil {
		t.Error("row 0 of an empty data set is no error")
	}
}
