package vlm

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"moslava/datasets"
)

// TestOutlines: without pixels a sample has the ids, labels, tiles and layouts that it has with them.
func TestOutlines(t *testing.T) {
	for _, name := range shuffledCases {
		p, err := shuffled(t, spelled(t, name, false, nil))
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob("testdata/pictures/*.png")
		if err != nil || len(files) == 0 {
			t.Fatal(len(files), err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := datasets.Sample{Pictures: []datasets.Picture{{Bytes: b}}, Turns: []datasets.Turn{{From: datasets.Human, Value: "<image>\nWhat?"}, {From: datasets.GPT, Value: "It."}}}
			want, err := p.Encode(s)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Outline().Encode(s)
			if err != nil {
				t.Fatal(err)
			}
			if got.Images[0].Tiles[0].Pixels != nil {
				t.Errorf("%s: an outline has pixels", file)
			}
			for i := range want.Images {
				for k := range want.Images[i].Tiles {
					want.Images[i].Tiles[k].Pixels = nil
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s of %s: %v, want %v", file, name, got, want)
			}
		}
	}
}
