package vlm

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/language"
	"moslava/language/chat"
	"moslava/pipelines/vlm/families"
	"moslava/vision/preprocess"
)

// tiled is a tiny model of a family that makes two tiles of a picture, the second one smaller, with words around their features.
func tiled(t *testing.T, words []int32) (*Model, *Processor) {
	t.Helper()
	m, p, err := Open(Spec{Towers: Towers{Vision: "../stages/testdata/tiny/vision", Language: "../stages/testdata/tiny/language",
		Projector: "mlp2x_gelu", FeatureLayers: []int{-1}, Strategy: "default"}}, Options{Random: true, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	p.Cutter = twoTiles{p.Cutter, m, words}
	return m, p
}

// twoTiles cuts any picture into a tile of 32 pixels and one of 16.
type twoTiles struct {
	families.Cutter
	m     *Model
	words []int32
}

func (c twoTiles) Layout(*preprocess.Config, int, int) ([]datasets.Tile, datasets.Layout, error) {
	a, b := c.m.Config.ImageTokens(32, 32), c.m.Config.ImageTokens(16, 16)
	return []datasets.Tile{{H: 32, W: 32}, {H: 16, W: 16}}, datasets.Layout{{IDs: c.words}, {N: a - 1}, {IDs: c.words[:1]}, {Tile: 1, N: b},
		{From: a - 1, N: 1}, {IDs: c.words[1:]}}, nil
}

func (c twoTiles) Cut(px *preprocess.Config, img *preprocess.RGB) ([]datasets.Tile, datasets.Layout, error) {
	tiles, layout, _ := c.Layout(px, img.H, img.W)
	for i := range tiles {
		var err error
		if tiles[i].Pixels, _, _, err = px.WithSize(tiles[i].H).Apply(img); err != nil {
			return nil, nil, err
		}
	}
	return tiles, layout, nil
}

func drawing(t *testing.T, shade uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 40, 40))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*7) + shade
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTiles: words and features of tiles are read alike in training and in answers, and nothing of a picture is a target.
func TestTiles(t *testing.T) {
	words := []int32{5, 6}
	m, p := tiled(t, words)
	picture := drawing(t, 0)
	e, err := p.Encode(datasets.Sample{Pictures: []datasets.Picture{{Bytes: picture}}, Turns: []datasets.Turn{
		{From: datasets.Human, Value: "a<image>b"}, {From: datasets.GPT, Value: "c"}}})
	if err != nil {
		t.Fatal(err)
	}
	im := e.Images[0]
	n := im.Layout.Len()
	if want := im.Layout.IDs(m.Config.ImageToken); !slices.Equal(e.IDs[im.At:im.At+n], want) {
		t.Errorf("ids %v, want %v", e.IDs[im.At:im.At+n], want)
	}
	for i, l := range e.Labels[:im.At+n] {
		if l != datasets.IgnoreIndex {
			t.Errorf("label %d at %d", l, i)
		}
	}

	// Each feature is where its place says, each word an embedding.
	x, err := m.Embed(nil, e.IDs, e.Images)
	if err != nil {
		t.Fatal(err)
	}
	features, err := m.Features(nil, im.Tiles)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(m.Language.Embed.Forward(nil, e.IDs).Floats())
	d := x.Cols()
	for place := range im.Places() {
		copy(want[place.At*d:(place.At+place.N)*d], features[place.Tile].Floats()[place.From*d:])
	}
	if !slices.Equal(x.Floats(), want) {
		t.Error("the embeddings are not the words' and the features'")
	}

	// Features pass gradients on, all of them.
	m.Params.Train(func(string) bool { return true })
	b := new(datasets.Batch)
	b.Append(e)
	tape := new(autograd.Tape)
	v, _, err := m.Loss(tape, b)
	if err == nil {
		err = tape.Backward(v, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	for q := range m.Params.All() {
		if g := q.Var().GradFloats(); (g == nil || kernels.SumSquares(g) == 0) && !m.Unreachable(q.Name) {
			t.Errorf("%s has no gradient", q.Name)
		}
	}
	m.Params.Freeze()

	ids, images, err := p.Prompt([]chat.Message{{Role: "user", Content: "a<image>b"}}, [][]byte{picture})
	if err != nil {
		t.Fatal(err)
	}
	if x, err = m.Embed(nil, ids, images); err != nil {
		t.Fatal(err)
	}
	logits := m.Language.Logits(m.Language.Forward(nil, x, language.Rows{Offsets: []int32{0, int32(len(ids))}}, nil))
	last := logits.Floats()[(len(ids)-1)*logits.Cols():]
	letter, _ := p.Tokenizer.ID("A")
	whole := float64(last[letter])
	whole -= kernels.Softmax(last) // which changes last
	h, err := m.Language.Extend(m.Language.NewCache(1, len(ids)), []language.Chunk{{X: x}})
	if err != nil {
		t.Fatal(err)
	}
	cached := m.Language.Logits(h).Floats()
	got := float64(cached[letter])
	if got -= kernels.Softmax(cached); math.Abs(got-whole) > 1e-5 {
		t.Errorf("the answer's log-probability is %v, in training it is %v", got, whole)
	}
}

// TestWrongLayouts: a layout that does not fit its tiles, or the ids, is an error.
func TestWrongLayouts(t *testing.T) {
	m, _ := tiled(t, []int32{5, 6})
	n, token := m.Config.ImageTokens(16, 16), m.Config.ImageToken
	for _, c := range []struct {
		layout datasets.Layout
		want   string
	}{
		{datasets.Layout{{N: n - 1}}, "features and"},
		{datasets.Layout{{N: n + 1}}, "of tile 0 have image tokens, and its 16x16 pixels have"},
		{datasets.Layout{{N: n}, {N: 1}}, "feature 0 of tile 0 has two image tokens"},
		{datasets.Layout{{From: 1, N: n}}, "features 1 to"},
		{datasets.Layout{{IDs: []int32{1}}, {N: n}, {IDs: []int32{1}}}, ""},
	} {
		im := datasets.Image{Tiles: []datasets.Tile{{H: 16, W: 16}}, Layout: c.layout}
		_, err := m.Rows(c.layout.IDs(token), im)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: error %v, want %q", c.layout, err, c.want)
		}
	}
	if _, err := m.Rows(slices.Repeat([]int32{5}, n), datasets.OneTile(datasets.Tile{H: 16, W: 16}, 0, n)); err == nil || !strings.Contains(err.Error(), "there is no image token") {
		t.Errorf("error %v", err)
	}
}

// TestPictureLongerThanTheContext: the error comes before anything is computed, and says how long the picture is.
func TestPictureLongerThanTheContext(t *testing.T) {
	m, p := tiled(t, []int32{5, 6})
	m.Config.Text.MaxPositionEmbeddings = 9
	_, _, err := p.Prompt([]chat.Message{{Role: "user", Content: "<image>"}}, [][]byte{drawing(t, 0)})
	if err == nil || !strings.Contains(err.Error(), "picture 1: the picture of 40 x 40 pixels takes") || !strings.Contains(err.Error(), "reads 9 at most") {
		t.Errorf("error %v", err)
	}
}

// counted is a store in memory.
type counted struct {
	kept  map[[32]byte][]float32
	found int
}

func (c *counted) Get(k [32]byte) []float32 {
	if c.kept[k] != nil {
		c.found++
	}
	return c.kept[k]
}

func (c *counted) Put(k [32]byte, x []float32) { c.kept[k] = slices.Clone(x) }

// TestKeepFeatures: features are those of the tower whatever shares a pass, and nothing is kept of a tower that changes.
func TestKeepFeatures(t *testing.T) {
	m, p := tiled(t, []int32{1, 2})
	var tiles []datasets.Tile
	for shade := range 3 {
		im, err := p.Picture(drawing(t, uint8(40*shade)))
		if err != nil {
			t.Fatal(err)
		}
		tiles = append(tiles, im.Tiles[0])
	}
	features := func(some ...datasets.Tile) (out []float32) {
		t.Helper()
		vars, err := m.Features(nil, some)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range vars {
			out = append(out, v.Floats()...)
		}
		return out
	}
	m.Params.Freeze()
	want := features(tiles...)
	s := &counted{kept: map[[32]byte][]float32{}}
	if err := m.KeepFeatures(s); err != nil {
		t.Fatal(err)
	}
	one := features(tiles[1])
	if n := len(want) / 3; !slices.Equal(one, want[n:2*n]) {
		t.Error("a tile by itself has other features")
	}
	for range 2 {
		if !slices.Equal(features(tiles...), want) {
			t.Error("kept features are others")
		}
	}
	if s.found != 1+3 || len(s.kept) != 3 {
		t.Errorf("%d found, %d kept", s.found, len(s.kept))
	}
	other, _ := tiled(t, []int32{1, 2})
	for q := range other.Params.All() {
		if strings.HasPrefix(q.Name, VisionPrefix) {
			q.Rewrite(func(data []float32) { data[0] += 1 })
			break
		}
	}
	other.Params.Freeze()
	if err := other.KeepFeatures(s); err != nil {
		t.Fatal(err)
	}
	if other.kept.tower == m.kept.tower {
		t.Error("another tower has the same key")
	}
	other.Params.Train(func(name string) bool { return strings.HasPrefix(name, VisionPrefix) })
	if err := other.KeepFeatures(s); err == nil || !strings.Contains(err.Error(), "the vision tower is trained") {
		t.Errorf("error %v", err)
	}
}
