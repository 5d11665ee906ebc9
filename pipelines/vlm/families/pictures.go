package families

import (
	"encoding/json"
	"fmt"

	"moslava/datasets"
	"moslava/vision/preprocess"
)

// A Cutter makes of pictures what tower and decoder read of them. px says how a tile becomes pixels.
type Cutter interface {
	// Layout is what a picture of h x w pixels becomes, which need not be there: tiles without pixels, and where their
	// features stand.
	Layout(px *preprocess.Config, h, w int) ([]datasets.Tile, datasets.Layout, error)
	// Cut is Layout for a decoded picture, with the tiles' pixels.
	Cut(px *preprocess.Config, img *preprocess.RGB) ([]datasets.Tile, datasets.Layout, error)
	// WithSize is px for tiles of side x side pixels, if a recipe may choose that.
	WithSize(px *preprocess.Config, side int) (*preprocess.Config, error)
	// WithTiles is the cutter with other choices of how many tiles a picture becomes.
	WithTiles(Tiles) (Cutter, error)
	// JSON is the preprocessor_config.json.
	JSON(px *preprocess.Config) ([]byte, error)
}

// A Grid is a Cutter that cuts pictures into rows and columns of tiles.
type Grid interface {
	// Grid is how many rows and columns a picture of h x w pixels is cut into; none if it is seen whole alone.
	Grid(px *preprocess.Config, h, w int) (rows, cols int, err error)
}

// A Keeper is a Cutter that has read fields of a processor_config.json of which nothing is computed: an export has them
// as they were.
type Keeper interface {
	Kept() map[string]json.RawMessage
}

// Tiles are choices of how many tiles a picture becomes. Zero fields leave what the model's files say.
type Tiles struct {
	Split   *bool // do_image_splitting: whether a picture is cut at all
	Longest int   // size.longest_edge: pixels that the longest edge is brought to before it is cut
}

// Given reports whether there is a choice.
func (t Tiles) Given() bool { return t != Tiles{} }

// Spell gives the ids of text that follows an image token.
type Spell func(text string) ([]int32, error)

// square is for a picture that becomes one tile, whatever is done to it beforehand.
type square struct{ m *Model }

func (c square) Layout(px *preprocess.Config, h, w int) ([]datasets.Tile, datasets.Layout, error) {
	h, w = px.SizeOf(h, w)
	return []datasets.Tile{{H: h, W: w}}, datasets.Layout{{N: c.m.ImageTokens(h, w)}}, nil
}

func (c square) Cut(px *preprocess.Config, img *preprocess.RGB) ([]datasets.Tile, datasets.Layout, error) {
	pixels, h, w, err := px.Apply(img)
	if err != nil {
		return nil, nil, err
	}
	return []datasets.Tile{{Pixels: pixels, H: h, W: w}}, datasets.Layout{{N: c.m.ImageTokens(h, w)}}, nil
}

func (square) WithSize(px *preprocess.Config, side int) (*preprocess.Config, error) {
	return px.WithSize(side), nil
}

func (c square) WithTiles(t Tiles) (Cutter, error) {
	if t.Given() {
		return nil, fmt.Errorf("pictures of %s are not cut into tiles: want no choice of them", c.m.Family.Name)
	}
	return c, nil
}

// squareIn reads the image processor of a directory.
func squareIn(dir string, m *Model, _ Spell) (*preprocess.Config, Cutter, error) {
	px, err := preprocess.Load(dir)
	return px, square{m}, err
}

func (square) JSON(px *preprocess.Config) ([]byte, error) { return px.JSON() }
