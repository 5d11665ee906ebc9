package families

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/hfconfig"
	"moslava/internal/infile"
	"moslava/vision/preprocess"
)

// The pictures of SmolVLM, SmolVLM2 and Idefics3, which transformers 5.23 reads alike (SmolVLMImageProcessorPil,
// Idefics3ImageProcessorPil). A picture is resized to a longest edge, then to whole tiles, and cut into rows and columns of
// them. The whole picture is one more tile, the last. In the text a word for row and column stands in front of each tile.

// grid is how pictures are cut.
type grid struct {
	m       *Model
	class   string // of the image processor
	longest int    // size.longest_edge: length of the longest edge, also upwards; 0: without do_resize
	split   bool   // do_image_splitting; without it there is the whole picture alone
	spell   Spell

	// What SmolVLM's files say of videos, which are not read here: an export has it as it was.
	sampling json.RawMessage // video_sampling of the image processor
	videos   json.RawMessage // video_processor of processor_config.json
}

// mostLongest bounds the longest edge, whatever size.longest_edge is.
const mostLongest = 4096

// gridClasses are the image processors that read pictures so.
var gridClasses = []string{"SmolVLMImageProcessor", "Idefics3ImageProcessor"}

// gridIn reads the image processor of a directory.
func gridIn(dir string, m *Model, spell Spell) (*preprocess.Config, Cutter, error) {
	b, where, err := preprocess.Find(dir)
	if err != nil {
		return nil, nil, err
	}
	px, g, err := parseGrid(b)
	if err == nil {
		g.m, g.spell = m, spell
		err = g.fits(px)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", where, err)
	}
	for _, word := range []string{fakeToken, globalImage} {
		if ids, err := spell(word); err != nil || len(ids) != 1 {
			return nil, nil, fmt.Errorf("%s: the tokenizer has no %s token, which stands beside pictures of %s",
				dir, word, m.Family.Name)
		}
	}
	return px, g, g.processor(filepath.Join(dir, "processor_config.json"), px)
}

// freshGrid is gridIn for the directory of a tower by itself: tiles of its own size, and a longest edge of freshTiles of them, as
// published models have it.
func freshGrid(dir string, m *Model, spell Spell) (*preprocess.Config, Cutter, error) {
	b, _, err := preprocess.Find(dir)
	if err != nil {
		return nil, nil, err
	}
	if _, _, err := parseGrid(b); err == nil {
		return gridIn(dir, m, spell)
	}
	px, err := preprocess.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	side := m.Vision.ImageSize
	px = px.WithSize(side)
	px.Resample = preprocess.Lanczos
	return px, &grid{m: m, class: m.Family.Name + "ImageProcessor", longest: min(freshTiles*side, mostLongest), split: true, spell: spell}, nil
}

const freshTiles = 4

// mostWords is how many rows and columns of tiles published tokenizers have a word for.
const mostWords = 6

// gridWords are the tokens that stand beside pictures.
func gridWords() []string {
	words := []string{fakeToken, globalImage}
	for r := range mostWords {
		for c := range mostWords {
			words = append(words, fmt.Sprintf("<row_%d_col_%d>", r+1, c+1))
		}
	}
	return words
}

// Words beside the features of tiles. Where the tokenizer has none for a row and column, they are spelled in pieces, as
// transformers does.
const (
	fakeToken   = "<fake_token_around_image>"
	globalImage = "<global-img>"
)

// parseGrid reads the fields of an image processor: those of the grid here, and those that make pixels of a tile as preprocess
// does.
func parseGrid(b []byte) (*preprocess.Config, *grid, error) {
	given, err := hfconfig.Parse(b)
	if err != nil {
		return nil, nil, err
	}
	f := struct {
		Class  string `json:"image_processor_type"`
		Resize *bool  `json:"do_resize"`
		Split  *bool  `json:"do_image_splitting"`
		Crop   bool   `json:"do_center_crop"`
	}{}
	if err := given.Into(&f); err != nil {
		return nil, nil, err
	}
	for _, backend := range []string{"Fast", "Pil"} {
		f.Class = strings.TrimSuffix(f.Class, backend)
	}
	if !slices.Contains(gridClasses, f.Class) {
		return nil, nil, fmt.Errorf("image_processor_type is %q, want %s", f.Class, strings.Join(gridClasses, " or "))
	}
	if f.Crop {
		return nil, nil, errors.New("do_center_crop is true, which is not implemented: want it absent or false")
	}
	longest, err := longestEdge(given, "size", 4*364)
	if err != nil {
		return nil, nil, err
	}
	side, err := longestEdge(given, "max_image_size", 364)
	if err != nil {
		return nil, nil, err
	}
	g := &grid{class: f.Class, longest: longest, split: on(given, "do_image_splitting", f.Split)}
	g.sampling = given["video_sampling"]
	if !on(given, "do_resize", f.Resize) {
		g.longest = 0
	}
	// What is left makes pixels of a tile.
	for _, own := range []string{
		"do_resize", "do_image_splitting", "max_image_size", "do_pad", "do_center_crop", "crop_size",
	} {
		delete(given, own)
	}
	tile := map[string]any{"image_processor_type": "SiglipImageProcessor", "size": []int{side, side}}
	if !given.Has("resample") {
		tile["resample"] = preprocess.Lanczos
	}
	b, err = overlaid(given, tile)
	if err != nil {
		return nil, nil, err
	}
	px, err := preprocess.Parse(b)
	if err != nil {
		return nil, nil, err
	}
	px.Decoder.OverWhite = px.DoConvertRGB // as these processors do in every version
	return px, g, nil
}

// longestEdge reads {"longest_edge": pixels}.
func longestEdge(given hfconfig.Fields, name string, otherwise int) (int, error) {
	if !given.Has(name) {
		return otherwise, nil
	}
	var sides map[string]int
	err := json.Unmarshal(given[name], &sides)
	n := sides["longest_edge"]
	if err != nil || len(sides) != 1 || n < 1 || n > preprocess.MaxSide {
		return 0, fmt.Errorf(`%s is %s, want {"longest_edge": pixels}`, name, given[name])
	}
	return n, nil
}

// on is a switch that is on where it is absent and off where it is null.
func on(given hfconfig.Fields, name string, v *bool) bool {
	if v == nil {
		return given[name] == nil
	}
	return *v
}

// fits compares the tiles with the model.
func (g *grid) fits(px *preprocess.Config) error {
	tile, p, scale := px.Resize.Width, g.m.Vision.PatchSize, g.m.Projector.Scale
	if side := tile / p; side == 0 || side%scale != 0 {
		return fmt.Errorf("max_image_size is %d pixels, which are %d patches of %d a side, and the model joins %d of them: "+
			"want a multiple, as the tower's image_size %d",
			tile, side, p, scale, g.m.Vision.ImageSize)
	}
	return nil
}

// processor reads a processor_config.json, if there is one, and compares its image_seq_len with what the model makes of
// a tile.
func (g *grid) processor(path string, px *preprocess.Config) error {
	b, err := infile.Read(path, maxProcessor)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var f struct {
		Each   *int            `json:"image_seq_len"`
		Videos json.RawMessage `json:"video_processor"`
	}
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	g.videos = f.Videos
	tile := px.Resize.Width
	if n := g.m.ImageTokens(tile, tile); f.Each != nil && *f.Each != n {
		return fmt.Errorf("%s: image_seq_len is %d, and the model makes %d features of a tile of %d x %d pixels "+
			"(max_image_size): want %d, or tiles of another size", path, *f.Each, n, tile, tile, n)
	}
	return nil
}

const maxProcessor = 1 << 20

// sizes are what a picture of h x w pixels is resized to first, and then for tiles of so many pixels a side. Numbers are
// divided and cut off as Python does.
func (g *grid) sizes(h, w, tile int) (h1, w1, h2, w2 int) {
	h1, w1 = h, w
	if g.longest > 0 {
		if h1, w1 = scaled(h, w, g.longest, 1); w >= h {
			h1 += h1 % 2
		} else {
			w1 += w1 % 2
		}
		h1, w1 = max(h1, 1), max(w1, 1)
		if max(h1, w1) > mostLongest {
			h1, w1 = scaled(h1, w1, mostLongest, 1)
			h1, w1 = max(h1, 1), max(w1, 1)
		}
	}
	h2, w2 = scaled(h1, w1, max(h1, w1), tile)
	return h1, w1, h2, w2
}

// scaled brings the longest edge to a length, and both to whole multiples of unit, each by itself.
func scaled(h, w, longest, unit int) (int, int) {
	whole := func(n int) int { return (n + unit - 1) / unit * unit }
	longest = whole(longest)
	if aspect := float64(w) / float64(h); w >= h {
		return whole(int(float64(longest) / aspect)), longest
	} else {
		return longest, whole(int(float64(longest) * aspect))
	}
}

// Grid implements Grid.
func (g *grid) Grid(px *preprocess.Config, h, w int) (rows, cols int, err error) {
	if !g.split {
		return 0, 0, nil
	}
	tile := px.Resize.Width
	_, _, h2, w2 := g.sizes(h, w, tile)
	if min(h2, w2) == 0 {
		return 0, 0, fmt.Errorf("a picture of %d x %d pixels is too narrow to be cut into tiles", w, h)
	}
	if max(h2, w2) <= tile {
		return 0, 0, nil
	}
	return h2 / tile, w2 / tile, nil
}

// Layout implements Cutter.
func (g *grid) Layout(px *preprocess.Config, h, w int) ([]datasets.Tile, datasets.Layout, error) {
	rows, cols, err := g.Grid(px, h, w)
	if err != nil {
		return nil, nil, err
	}
	tile := px.Resize.Width
	layout, err := g.lay(rows, cols, g.m.ImageTokens(tile, tile))
	return slices.Repeat([]datasets.Tile{{H: tile, W: tile}}, rows*cols+1), layout, err
}

// lay puts words in front of the features of each tile, n of them, and behind the last.
func (g *grid) lay(rows, cols, n int) (datasets.Layout, error) {
	var words []string // before each tile
	for r := range rows {
		for c := range cols {
			words = append(words, fmt.Sprintf("%s<row_%d_col_%d>", fakeToken, r+1, c+1))
			if r > 0 && c == 0 {
				words[len(words)-1] = "\n" + words[len(words)-1]
			}
		}
	}
	if rows > 0 {
		words = append(words, "\n\n"+fakeToken+globalImage)
	} else {
		words = append(words, fakeToken+globalImage)
	}
	var out datasets.Layout
	for tile, text := range words {
		ids, err := g.spell(text)
		if err != nil {
			return nil, err
		}
		out = append(out, datasets.Piece{IDs: ids}, datasets.Piece{Tile: tile, N: n})
	}
	ids, err := g.spell(fakeToken)
	return append(out, datasets.Piece{IDs: ids}), err
}

// Cut implements Cutter.
func (g *grid) Cut(px *preprocess.Config, img *preprocess.RGB) ([]datasets.Tile, datasets.Layout, error) {
	tiles, layout, err := g.Layout(px, img.H, img.W)
	if err != nil {
		return nil, nil, err
	}
	side := px.Resize.Width
	h1, w1, h2, w2 := g.sizes(img.H, img.W, side)
	if !g.split {
		h2, w2 = h1, w1
	}
	for _, size := range [][2]int{{h1, w1}, {h2, w2}} { // one after the other: each rounds to bytes
		if img, err = preprocess.ResizeOrdered(img, size[1], size[0], px.Resample, px.Order); err != nil {
			return nil, nil, err
		}
	}
	cols := w2 / side
	for i := range tiles {
		part := img // the last tile is the whole picture
		if i < len(tiles)-1 {
			part = img.Crop(i%cols*side, i/cols*side, side, side)
		}
		if tiles[i].Pixels, _, _, err = px.Apply(part); err != nil {
			return nil, nil, err
		}
	}
	return tiles, layout, nil
}

// WithSize implements Cutter.
func (g *grid) WithSize(px *preprocess.Config, side int) (*preprocess.Config, error) {
	return nil, fmt.Errorf("found %d, and pictures of %s are cut into tiles of %d pixels: want it absent",
		side, g.m.Family.Name, px.Resize.Width)
}

// WithTiles implements Cutter.
func (g *grid) WithTiles(t Tiles) (Cutter, error) {
	h := *g
	if t.Split != nil {
		h.split = *t.Split
	}
	if t.Longest != 0 {
		if t.Longest < 0 || t.Longest > mostLongest {
			return nil, fmt.Errorf("the longest edge is %d pixels, want 1 to %d", t.Longest, mostLongest)
		}
		h.longest = t.Longest
	}
	return &h, nil
}

// JSON implements Cutter.
func (g *grid) JSON(px *preprocess.Config) ([]byte, error) {
	tile, err := px.JSON()
	if err != nil {
		return nil, err
	}
	given, err := hfconfig.Parse(tile)
	if err != nil {
		return nil, err
	}
	delete(given, "do_center_crop")
	own := map[string]any{
		"image_processor_type": g.class, "do_image_splitting": g.split, "do_resize": g.longest > 0, "do_pad": true,
		"max_image_size": map[string]int{"longest_edge": px.Resize.Width}, "size": map[string]int{"longest_edge": g.longest},
	}
	if g.longest == 0 {
		delete(given, "size")
		delete(own, "size")
	}
	if g.sampling != nil {
		own["video_sampling"] = g.sampling
	}
	return overlaid(given, own)
}

// Kept implements Keeper.
func (g *grid) Kept() map[string]json.RawMessage {
	if g.videos == nil {
		return nil
	}
	return map[string]json.RawMessage{"video_processor": g.videos}
}

// overlaid is an object with other fields laid over its own.
func overlaid(given hfconfig.Fields, own map[string]any) ([]byte, error) {
	for name, v := range own {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		given[name] = raw
	}
	b, err := json.MarshalIndent(given, "", "  ")
	return append(b, '\n'), err
}
