package engine

import (
	"context"
	"crypto/sha256"
	"slices"

	"moslava/datasets"
	"moslava/internal/autograd"
)

// picture is what is kept of one that requests are about.
type picture struct {
	digest   [sha256.Size]byte
	number   int64          // tells pictures apart, see prompt.keys
	image    datasets.Image // without its place
	features []float32      // [Layout.Features(), D], in the order of Model.Rows; nil until a request is admitted
	users    int            // requests that read it and have not ended
}

// pictureCache keeps pictures that requests read, and of the others the last, up to most bytes.
type pictureCache struct {
	most  int
	last  int64 // number given out
	using []*picture
	kept  []*picture // nobody reads them; the oldest first
}

// find is the picture with a digest, if it is there.
func (c *pictureCache) find(digest [sha256.Size]byte) *picture {
	for _, list := range [][]*picture{c.using, c.kept} {
		for _, p := range list {
			if p.digest == digest {
				return p
			}
		}
	}
	return nil
}

// use marks a picture as read by one more request.
func (c *pictureCache) use(p *picture) {
	if p.users++; p.users == 1 {
		c.kept = slices.DeleteFunc(c.kept, func(q *picture) bool { return q == p })
		c.using = append(c.using, p)
	}
}

// drop takes back a use. A picture whose features were never made is let go.
func (c *pictureCache) drop(p *picture) {
	if p.users--; p.users > 0 {
		return
	}
	c.using = slices.DeleteFunc(c.using, func(q *picture) bool { return q == p })
	if p.features != nil {
		c.kept = append(c.kept, p)
	}
}

// trim lets go of the oldest pictures that nobody reads.
func (c *pictureCache) trim() {
	bytes, from := 0, len(c.kept)
	for from > 0 && bytes+4*len(c.kept[from-1].features) <= c.most {
		from--
		bytes += 4 * len(c.kept[from].features)
	}
	c.kept = slices.Delete(c.kept, 0, from)
}

// picture finds an encoded picture, or reads it.
func (e *Engine) picture(encoded []byte) (*picture, error) {
	digest := sha256.Sum256(encoded)
	if p := e.pictures.find(digest); p != nil {
		return p, nil
	}
	image, err := e.Processor.Picture(encoded)
	if err != nil {
		return nil, err
	}
	e.pictures.last++
	return &picture{digest: digest, number: e.pictures.last, image: image}, nil
}

// tilesAtOnce is how many tiles pass the tower together.
const tilesAtOnce = 4

// look marks a prompt's pictures as used and computes the features of those that have none.
func (e *Engine) look(ctx context.Context, p *prompt) (err error) {
	defer autograd.Catch(&err)
	var fresh []*picture
	var tiles []datasets.Tile
	for _, at := range p.pictures {
		e.pictures.use(at.picture)
		if at.features == nil && !slices.Contains(fresh, at.picture) {
			fresh = append(fresh, at.picture)
			tiles = append(tiles, at.image.Tiles...)
		}
	}
	var rows []float32
	for some := range slices.Chunk(tiles, tilesAtOnce) {
		tape := &autograd.Tape{Values: true, Context: ctx}
		features, err := e.Model.Features(tape, some)
		if err != nil {
			return err
		}
		for _, f := range features {
			rows = append(rows, f.Floats()...)
		}
		tape.Release()
	}
	d := e.Model.Config.Text.HiddenSize
	for _, p := range fresh {
		n := p.image.Layout.Features() * d
		p.features, rows = slices.Clone(rows[:n]), rows[n:]
		for i := range p.image.Tiles {
			p.image.Tiles[i].Pixels = nil
		}
	}
	return nil
}
