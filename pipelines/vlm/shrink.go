package vlm

import (
	"fmt"

	"moslava/datasets"
	"moslava/pipelines/vlm/families"
	"moslava/vision/preprocess"
)

var _ datasets.Shrinker = (*Processor)(nil)

// Shrinks implements datasets.Shrinker: the family's pictures have to be cut into tiles.
func (p *Processor) Shrinks() error {
	if p.Cutter == nil {
		return ErrNoVision
	}
	if _, ok := p.Cutter.(families.Grid); !ok {
		return fmt.Errorf("pictures of %s are one tile of one size: there is nothing to make less of them", p.Config.Family.Name)
	}
	return nil
}

// A shrinking picture is one with the cutter that makes so many tokens of it.
type shrinking struct {
	img    *preprocess.RGB // nil: its size alone is known
	h, w   int
	cutter families.Cutter
	tiles  int
	tokens int
}

// Shrink implements datasets.Shrinker. The picture of the most tiles, the first of several, is cut by a longest edge of one tile
// less (size.longest_edge), until the sequence fits or every picture is one tile.
func (p *Processor) Shrink(s datasets.Sample, most int) (datasets.Example, error) {
	if len(s.Pictures) == 0 {
		return p.Encode(s)
	}
	total, err := p.Length(s)
	if err != nil {
		return datasets.Example{}, err
	}
	pictures := make([]shrinking, len(s.Pictures))
	for i := range pictures {
		if pictures[i], err = p.whole(s.Pictures[i].Bytes); err != nil {
			return datasets.Example{}, fmt.Errorf("picture %d: %w", i+1, err)
		}
		total += pictures[i].tokens - 1
	}
	for total > most {
		var largest *shrinking
		for i := range pictures {
			if x := &pictures[i]; x.tiles > 1 && (largest == nil || x.tiles > largest.tiles) {
				largest = x
			}
		}
		if largest == nil {
			break
		}
		less, err := p.fewer(*largest)
		if err != nil {
			return datasets.Example{}, err
		}
		total += less.tokens - largest.tokens
		*largest = less
	}
	images := make([]datasets.Image, len(pictures))
	for i, x := range pictures {
		if x.img == nil {
			images[i].Tiles, images[i].Layout, err = x.cutter.Layout(p.Pixels, x.h, x.w)
		} else {
			images[i].Tiles, images[i].Layout, err = x.cutter.Cut(p.Pixels, x.img)
		}
		if err != nil {
			return datasets.Example{}, fmt.Errorf("picture %d: %w", i+1, err)
		}
	}
	return p.encode(s, images)
}

// whole is a picture that nothing was taken from.
func (p *Processor) whole(encoded []byte) (x shrinking, err error) {
	if p.outline {
		x.w, x.h, err = p.Pixels.Decoder.Size(encoded)
	} else if x.img, err = p.Pixels.Decoder.Decode(encoded); err == nil {
		x.w, x.h = x.img.W, x.img.H
	}
	if err != nil {
		return x, err
	}
	return p.shrunk(x, p.Cutter)
}

// shrunk is the picture with another cutter.
func (p *Processor) shrunk(x shrinking, cutter families.Cutter) (shrinking, error) {
	tiles, layout, err := cutter.Layout(p.Pixels, x.h, x.w)
	x.cutter, x.tiles, x.tokens = cutter, len(tiles), layout.Len()
	return x, err
}

// fewer is the picture in fewer tiles, of which it has more than one.
func (p *Processor) fewer(x shrinking) (shrinking, error) {
	rows, cols, err := x.cutter.(families.Grid).Grid(p.Pixels, x.h, x.w)
	if err != nil {
		return x, err
	}
	for n := max(rows, cols) - 1; n > 0; n-- {
		cutter, err := x.cutter.WithTiles(families.Tiles{Longest: n * p.Pixels.Resize.Width})
		if err != nil {
			return x, err
		}
		if y, err := p.shrunk(x, cutter); err != nil || y.tiles < x.tiles {
			return y, err
		}
	}
	whole := false
	cutter, err := x.cutter.WithTiles(families.Tiles{Split: &whole})
	if err != nil {
		return x, err
	}
	return p.shrunk(x, cutter)
}
