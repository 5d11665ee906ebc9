package vlm

import (
	"fmt"
	"slices"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/language/chat"
)

// A picture's way from the bytes of a file to rows of the decoder's input, in the order in which it goes.

// Picture decodes a picture and has its family cut it into tiles and lay their features out; its place is not set.
func (p *Processor) Picture(encoded []byte) (datasets.Image, error) {
	if p.Pixels == nil {
		return datasets.Image{}, ErrNoVision
	}
	if p.outline {
		w, h, err := p.Pixels.Decoder.Size(encoded)
		if err != nil {
			return datasets.Image{}, err
		}
		return p.layout(h, w)
	}
	img, err := p.Pixels.Decoder.Decode(encoded)
	if err != nil {
		return datasets.Image{}, err
	}
	if im, err := p.layout(img.H, img.W); err != nil {
		return im, err
	}
	tiles, layout, err := p.Cutter.Cut(p.Pixels, img)
	return datasets.Image{Tiles: tiles, Layout: layout}, err
}

// layout is what a picture of h x w pixels becomes, without pixels, if the decoder can read so much.
func (p *Processor) layout(h, w int) (datasets.Image, error) {
	tiles, layout, err := p.Cutter.Layout(p.Pixels, h, w)
	if err != nil {
		return datasets.Image{}, err
	}
	if n, most := layout.Len(), p.Config.Text.MaxPositionEmbeddings; n > most {
		remedy := "a smaller model.image_size makes fewer"
		if len(tiles) > 1 {
			remedy = "a smaller model.tiles.longest_edge, or --longest-edge, makes fewer tiles"
		}
		return datasets.Image{}, fmt.Errorf("the picture of %d x %d pixels takes %d tokens in %d tiles, and the model reads %d "+
			"at most (max_position_embeddings): %s", w, h, n, len(tiles), most, remedy)
	}
	return datasets.Image{Tiles: tiles, Layout: layout}, nil
}

// images reads several pictures.
func (p *Processor) images(pictures [][]byte) ([]datasets.Image, error) {
	var images []datasets.Image
	for i, b := range pictures {
		im, err := p.Picture(b)
		if err != nil {
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
		images = append(images, im)
	}
	return images, nil
}

// markers says what the chat template's image markers become.
func (p *Processor) markers(images []datasets.Image) chat.Options {
	opt := chat.Options{ImageToken: p.Config.imageToken()}
	for _, im := range images {
		opt.Images = append(opt.Images, im.Layout.IDs(p.Config.ImageToken))
	}
	return opt
}

// place sets where the chat template has put the pictures.
func place(images []datasets.Image, at []int) {
	for i := range images {
		images[i].At = at[i]
	}
}

// Features are the projected features of tiles, which may differ in size: [Σ features, D], in order.
func (m *Model) Features(t *autograd.Tape, tiles []datasets.Tile) ([]*autograd.Var, error) {
	if len(tiles) > 0 && !m.Config.HasVision() {
		return nil, ErrNoVision
	}
	var out []*autograd.Var
	for rest := tiles; len(rest) > 0; {
		h, w := rest[0].H, rest[0].W
		var pixels [][]float32
		for len(pixels) < len(rest) && rest[len(pixels)].H == h && rest[len(pixels)].W == w {
			pixels = append(pixels, rest[len(pixels)].Pixels)
		}
		var err error
		projected := t.Scope(func() (f *autograd.Var) {
			if f, err = m.towerFeatures(t, pixels, h, w); err != nil {
				return nil
			}
			p := m.Config.Vision.PatchSize
			return m.Projector.Forward(t, f, h/p, w/p)
		})
		if err != nil {
			return nil, err
		}
		out = append(out, projected)
		rest = rest[len(pixels):]
	}
	return out, nil
}

// Rows are the positions in ids at which the features of an image's tiles stand, in the order of Features.
func (m *Model) Rows(ids []int32, im datasets.Image) ([]int32, error) {
	var rows []int32
	first := make([]int, len(im.Tiles)+1) // features of the tiles before each
	for k, t := range im.Tiles {
		n := m.Config.ImageTokens(t.H, t.W)
		first[k+1] = first[k] + n
		rows = append(rows, slices.Repeat([]int32{-1}, n)...)
	}
	for p := range im.Places() {
		if n := first[p.Tile+1] - first[p.Tile]; p.From+p.N > n {
			return nil, fmt.Errorf("features %d to %d of tile %d have image tokens, and its %dx%d pixels have %d features",
				p.From, p.From+p.N, p.Tile, im.Tiles[p.Tile].H, im.Tiles[p.Tile].W, n)
		}
		for j, f := range rows[first[p.Tile]+p.From:][:p.N] {
			at := p.At + j
			if f >= 0 {
				return nil, fmt.Errorf("feature %d of tile %d has two image tokens", p.From+j, p.Tile)
			}
			if at < 0 || at >= len(ids) || ids[at] != m.Config.ImageToken {
				return nil, fmt.Errorf("features stand at positions %d to %d, where there is no image token", p.At, p.At+p.N)
			}
			rows[first[p.Tile]+p.From+j] = int32(at)
		}
	}
	if slices.Contains(rows, -1) {
		return nil, fmt.Errorf("%d tiles have %d features and %d image tokens", len(im.Tiles), len(rows), im.Layout.Features())
	}
	return rows, nil
}

// Embed maps ids [N] to embeddings [N, D] with the features of images in their places.
func (m *Model) Embed(t *autograd.Tape, ids []int32, images []datasets.Image) (*autograd.Var, error) {
	x := m.Language.Embed.Forward(t, ids)
	features, err := m.Features(t, datasets.Tiles(images))
	if err != nil {
		return nil, err
	}
	var rows []int32
	for i, im := range images {
		some, err := m.Rows(ids, im)
		if err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		rows = append(rows, some...)
	}
	for _, f := range features {
		n := f.Rows()
		x = t.Splice(x, f, rows[:n])
		rows = rows[n:]
	}
	return x, nil
}
