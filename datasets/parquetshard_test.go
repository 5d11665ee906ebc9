package datasets

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// writeParquet writes all rows of a source as one file.
func writeParquet(t *testing.T, src Source, opt WriteOptions) (path string, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "train-00000-of-00001.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := NewParquetShard(f, opt)
	if err != nil {
		t.Fatal(err)
	}
	for s, err := range All(src) {
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Write(&s); err != nil {
			return path, err
		}
	}
	return path, p.Close()
}

func TestParquetGolden(t *testing.T) {
	path, err := writeParquet(t, mustOpen(t, filepath.Join(golden, "saved")), WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	checkRows(t, mustOpen(t, path), true)
	messages := mustOpen(t, filepath.Join(golden, "messages"))
	if _, err := writeParquet(t, messages, WriteOptions{}); err == nil || !strings.Contains(err.Error(), "2 pictures") {
		t.Errorf("several pictures in one column: %v", err)
	}
	if path, err = writeParquet(t, messages, WriteOptions{Features: Messages}); err != nil {
		t.Fatal(err)
	}
	checkMessages(t, mustOpen(t, path))
}

// TestParquetRows crosses the limits of row groups and has all that columns can be without.
func TestParquetRows(t *testing.T) {
	for _, kind := range []Features{Conversations, Messages} {
		for _, weights := range []bool{false, true} {
			src := &memory{}
			for i := range maxBatchRows + 3 {
				s := Sample{Turns: []Turn{{From: System, Value: ""}, {From: Human, Value: "é" + strings.Repeat("x", i%40)}, {From: GPT, Value: fmt.Sprint(i), Context: weights && i%7 == 0}}[i%2:]}
				if i%5 != 0 {
					s.ID = fmt.Sprint("row ", i)
				}
				if i%3 == 0 {
					s.Pictures = []Picture{{Bytes: []byte{byte(i)}, Path: strings.Repeat("p", i%2)}}
				}
				src.rows = append(src.rows, s)
			}
			path, err := writeParquet(t, src, WriteOptions{Features: kind, Weights: weights})
			if err != nil {
				t.Fatal(err)
			}
			back := mustOpen(t, path)
			if back.Len() != src.Len() {
				t.Fatalf("%d rows, want %d", back.Len(), src.Len())
			}
			for i, want := range src.rows {
				got := at(t, back, i)
				got.Origin = ""
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("features %v, weights %v, row %d: %+v, want %+v", kind, weights, i, got, want)
				}
			}
		}
	}
}
