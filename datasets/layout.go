package datasets

import (
	"fmt"
	"iter"
	"math"
)

// A Tile is pixels for the vision tower: a picture, or a part of one.
type Tile struct {
	Pixels []float32 // [3, H, W], normalised; none where sizes alone are asked for
	H, W   int
}

// A Piece is one stretch of a layout: ids that the decoder reads as they are, or features of a tile, which stand in the
// place of image tokens.
type Piece struct {
	IDs     []int32 // literal ids, never targets; none: features
	Tile    int     // whose features
	From, N int     // which of them: From to From+N
}

// A Layout is what stands in a sequence for a picture. Each feature of each tile stands in it once.
type Layout []Piece

// Len is the number of positions that the picture takes.
func (l Layout) Len() int {
	n := 0
	for _, p := range l {
		n += p.Len()
	}
	return n
}

// Len is the number of positions that the piece takes.
func (p Piece) Len() int {
	if len(p.IDs) > 0 {
		return len(p.IDs)
	}
	return p.N
}

// Features is the number of positions at which features stand.
func (l Layout) Features() int {
	n := 0
	for _, p := range l {
		if len(p.IDs) == 0 {
			n += p.N
		}
	}
	return n
}

// IDs are those of all positions, the image token's where features stand.
func (l Layout) IDs(imageToken int32) []int32 {
	ids := make([]int32, 0, l.Len())
	for _, p := range l {
		ids = append(ids, p.IDs...)
		for range p.Len() - len(p.IDs) {
			ids = append(ids, imageToken)
		}
	}
	return ids
}

// An Image is a picture ready for the model: its tiles, and where their features go.
type Image struct {
	Tiles  []Tile
	Layout Layout
	At     int // the layout is IDs[At : At+Layout.Len()]
}

// OneTile is a picture of one tile, whose n features stand together at a place.
func OneTile(t Tile, at, n int) Image {
	return Image{Tiles: []Tile{t}, Layout: Layout{{N: n}}, At: at}
}

// Tiles are those of all images, in order.
func Tiles(images []Image) (tiles []Tile) {
	for _, m := range images {
		tiles = append(tiles, m.Tiles...)
	}
	return tiles
}

// A Place is a stretch of a sequence in which features of a tile stand, one a position.
type Place struct {
	At      int // of the first position
	Tile    int
	From, N int // features From to From+N of the tile
}

// Places are where the features of the picture's tiles stand, in the order of the sequence.
func (m *Image) Places() iter.Seq[Place] {
	return func(yield func(Place) bool) {
		at := m.At
		for _, p := range m.Layout {
			if len(p.IDs) == 0 && !yield(Place{At: at, Tile: p.Tile, From: p.From, N: p.N}) {
				return
			}
			at += p.Len()
		}
	}
}

// check finds what an Encoder must not return.
func (m *Image) check() error {
	for i, t := range m.Tiles {
		if t.H < 1 || t.W < 1 || t.H > math.MaxInt32 || t.W > math.MaxInt32 ||
			t.Pixels != nil && (len(t.Pixels)/3/t.H != t.W || len(t.Pixels) != 3*t.H*t.W) {
			return fmt.Errorf("tile %d has %d pixel values of 3 x %d x %d", i, len(t.Pixels), t.H, t.W)
		}
	}
	for i, p := range m.Layout {
		if len(p.IDs) == 0 && (p.N < 1 || p.From < 0 || p.Tile < 0 || p.Tile >= len(m.Tiles)) {
			return fmt.Errorf("piece %d is %d features of tile %d from %d on, of %d tiles", i, p.N, p.Tile, p.From, len(m.Tiles))
		}
	}
	return nil
}
