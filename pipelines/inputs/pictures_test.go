package inputs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
)

// TestPicturesOfMany: of many rows the sizes of all pictures count, and the content of those of some.
func TestPicturesOfMany(t *testing.T) {
	root := t.TempDir()
	var rows []string
	for i := range 3 * wholePictures {
		put(t, filepath.Join(root, fmt.Sprintf("%d.png", i)), []byte{byte(i), 1, 2, 3})
		rows = append(rows, fmt.Sprintf(`{"image": "%d.png", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "x"}]}`, i))
	}
	put(t, filepath.Join(root, "rows.jsonl"), []byte(strings.Join(rows, "\n")))
	sum := func() string {
		t.Helper()
		s, n, err := hashPictures(t.Context(), filepath.Join(root, "rows.jsonl"), datasets.Options{})
		if err != nil || n != len(rows) {
			t.Fatalf("%d pictures, %v", n, err)
		}
		return s.SHA256
	}
	before, content, size := sum(), 0, 0
	for i := range rows {
		if i > 30 && i%100 > 3 {
			continue
		}
		path := filepath.Join(root, fmt.Sprintf("%d.png", i))
		put(t, path, []byte{byte(i), 1, 2, 7})
		if sum() != before {
			content++
		}
		put(t, path, []byte{byte(i), 1, 2})
		if sum() != before {
			size++
		}
		put(t, path, []byte{byte(i), 1, 2, 3})
	}
	if looked := 31 + 4*7; size != looked || content < looked/4 || content > looked/2 {
		t.Errorf("of %d pictures another size is seen of %d, other content of %d", looked, size, content)
	}
	if sum() != before {
		t.Error("the hash depends on more than the pictures")
	}
}

// TestPicturesOfAFolder: of a folder of pictures their names count, which may be what is learnt, and the texts beside them.
func TestPicturesOfAFolder(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"cat/a.png": "A", "cat/a.txt": "one", "dog/b.png": "B"} {
		put(t, filepath.Join(root, filepath.FromSlash(name)), []byte(text))
	}
	sum := func() string {
		t.Helper()
		s, n, err := hashPictures(t.Context(), root, datasets.Options{Columns: map[string]string{"answer": "label"}, Prompt: "Which?", Ignore: []string{"txt"}})
		if err != nil || n != 2 {
			t.Fatalf("%d pictures, %v", n, err)
		}
		return s.SHA256
	}
	seen := []string{sum()}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(root, filepath.FromSlash(from)), filepath.Join(root, filepath.FromSlash(to))); err != nil {
			t.Fatal(err)
		}
	}
	rename("dog", "fox")
	seen = append(seen, sum())
	rename("fox/b.png", "fox/c.png")
	seen = append(seen, sum())
	rename("fox/c.png", "cat/c.png")
	seen = append(seen, sum())
	slices.Sort(seen)
	if len(slices.Compact(seen)) != 4 {
		t.Errorf("hashes %q", seen)
	}
	texts := func() string {
		s, _, err := hashPictures(t.Context(), filepath.Join(root, "cat"), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s.SHA256
	}
	before := texts()
	put(t, filepath.Join(root, "cat", "a.txt"), []byte("two"))
	if texts() == before {
		t.Error("another text of the same length is not seen")
	}
}
