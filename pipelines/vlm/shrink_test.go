package vlm

import (
	"bytes"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
)

// wide is a picture that becomes many tiles.
func wide(t *testing.T, w, h int) datasets.Picture {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return datasets.Picture{Bytes: b.Bytes()}
}

// TestShrink: pictures lose tiles until the sequence fits, the largest first, and not more than that takes.
func TestShrink(t *testing.T) {
	for _, name := range shuffledCases {
		p, err := shuffled(t, spelled(t, name, false, nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Shrinks(); err != nil {
			t.Fatal(err)
		}
		s := datasets.Sample{Pictures: []datasets.Picture{wide(t, 97, 40), wide(t, 31, 90)}, Turns: []datasets.Turn{
			{From: datasets.Human, Value: datasets.ImageMarker + datasets.ImageMarker + "what?"}, {From: datasets.GPT, Value: "lines"}}}
		whole, err := p.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		last, steps := len(whole.IDs), 0
		for most := len(whole.IDs); most > 0; most -= 3 {
			e, err := p.Shrink(s, most)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(e.IDs); n < last {
				steps++
				if last <= most {
					t.Errorf("%s: %d tokens for at most %d, and %d would do", name, n, most, last)
				}
			} else if n > last {
				t.Errorf("%s: %d tokens for at most %d, and %d for more", name, n, most, last)
			}
			last = len(e.IDs)
			if o, err := p.Outline().Shrink(s, most); err != nil || !slices.Equal(o.IDs, e.IDs) || len(o.Images[0].Tiles) != len(e.Images[0].Tiles) || o.Images[0].Tiles[0].Pixels != nil {
				t.Fatalf("%s: at most %d: by sizes alone %d tokens, want %d, %v", name, most, len(o.IDs), last, err)
			}
			for i, im := range e.Images {
				if _, err := (&Model{Config: p.Config}).Rows(e.IDs, im); err != nil {
					t.Fatalf("%s: at most %d: image %d: %v", name, most, i, err)
				}
			}
		}
		least, err := p.Shrink(s, 1)
		if err != nil || len(least.Images[0].Tiles) != 1 || len(least.Images[1].Tiles) != 1 || steps < 2 {
			t.Errorf("%s: the least is %d tokens, after %d steps, %v", name, len(least.IDs), steps, err)
		}
	}
	_, p := tiled(t, []int32{1, 2})
	p.Cutter = p.Cutter.(twoTiles).Cutter
	if err := p.Shrinks(); err == nil || !strings.Contains(err.Error(), "pictures of LLaVA are one tile of one size") {
		t.Errorf("error %v", err)
	}
	p.Cutter = nil
	if err := p.Shrinks(); err != ErrNoVision {
		t.Errorf("error %v", err)
	}
}
