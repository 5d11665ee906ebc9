package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenLooksForPicturesInItsFolders: images come first, the data's own folder after them.
func TestOpenLooksForPicturesInItsFolders(t *testing.T) {
	dir, pictures := t.TempDir(), t.TempDir()
	data := `{"image": "data:image/png;base64,UE5H", "conversations": [{"from": "human", "value": "<image>\nwhat"}, {"from": "gpt", "value": "it"}]}` + "\n"
	row := `{"image": "a.png", "conversations": [{"from": "human", "value": "<image>\nwhat"}, {"from": "gpt", "value": "it"}]}` + "\n"
	for path, text := range map[string]string{
		filepath.Join(dir, "rows.jsonl"): row + strings.Replace(row, "a.png", "own.png", 1) + data, filepath.Join(dir, "own.png"): "own",
		filepath.Join(pictures, "a.png"): "elsewhere",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := OpenWith(filepath.Join(dir, "rows.jsonl"), Options{Images: []string{pictures}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, want := range []string{"elsewhere", "own", "PNG"} {
		if x, err := s.At(i); err != nil || len(x.Pictures) != 1 || string(x.Pictures[0].Bytes) != want {
			t.Errorf("row %d has the pictures %q, error %v, want %q", i, x.Pictures, err, want)
		} else if path := x.Pictures[0].Path; len(path) > len("own.png") {
			t.Errorf("row %d keeps the path %q", i, path)
		}
	}
	if _, err := OpenWith(filepath.Join(dir, "rows.jsonl"), Options{Images: []string{filepath.Join(pictures, "none")}}); err == nil || !strings.Contains(err.Error(), "images:") {
		t.Errorf("error %v, want one that names images", err)
	}
}
