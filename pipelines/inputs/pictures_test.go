package inputs

import (
	"fmt"
	"path/filepath"
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
