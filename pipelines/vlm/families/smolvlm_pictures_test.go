package families

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"moslava/projector"
	"moslava/vision/preprocess"
)

// published are the tower and the shuffle behind each of the settings in counts.json.
var published = map[string]struct{ patch, scale int }{
	"SmolVLM-256M": {16, 4}, "SmolVLM2-2.2B": {14, 3}, "Idefics3-8B": {14, 2}, "SmolVLM, edge no multiple of the tile": {16, 4},
}

// gridOf reads an image processor for a model of such patches; each word is one id.
func gridOf(t *testing.T, raw []byte, patch, scale int) (*preprocess.Config, *grid) {
	t.Helper()
	px, g, err := parseGrid(raw)
	if err != nil {
		t.Fatal(err)
	}
	g.m = &Model{Family: SmolVLM, Projector: projector.Config{Type: projector.Shuffle, Scale: scale}}
	g.m.Vision.PatchSize = patch
	g.spell = func(string) ([]int32, error) { return []int32{1}, nil }
	if err := g.fits(px); err != nil {
		t.Fatal(err)
	}
	return px, g
}

// TestCountsOfPublishedSettings: tiles and image tokens of pictures of many sizes, without a pixel.
func TestCountsOfPublishedSettings(t *testing.T) {
	raw, err := os.ReadFile("testdata/counts.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]struct {
		Settings struct {
			Image map[string]any `json:"image_processor"`
			Each  struct {
				Tokens int `json:"image_seq_len"`
			} `json:"processor"`
		}
		Rows []struct {
			Height, Width, Rows, Cols, Tiles int
			Tokens                           int `json:"image_tokens"`
		}
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != len(published) {
		t.Errorf("%d settings, want %d", len(cases), len(published))
	}
	for name, c := range cases {
		c.Settings.Image["image_processor_type"] = "SmolVLMImageProcessor"
		raw, err := json.Marshal(c.Settings.Image)
		if err != nil {
			t.Fatal(err)
		}
		px, g := gridOf(t, raw, published[name].patch, published[name].scale)
		if n := g.m.tokens(px); n != c.Settings.Each.Tokens {
			t.Errorf("%s: %d tokens a tile, want %d", name, n, c.Settings.Each.Tokens)
		}
		for _, r := range c.Rows {
			tiles, layout, err := g.Layout(px, r.Height, r.Width)
			if err != nil {
				t.Fatal(err)
			}
			words := r.Rows*r.Cols + 2 // one before each tile, the whole picture's, and the last
			if len(tiles) != r.Tiles || layout.Features() != r.Tokens || layout.Len() != r.Tokens+words {
				t.Errorf("%s: %d x %d: %d tiles, %d image tokens in %d, want %d, %d in %d", name, r.Width, r.Height, len(tiles), layout.Features(), layout.Len(),
					r.Tiles, r.Tokens, r.Tokens+words)
			}
			_, _, h2, w2 := g.sizes(r.Height, r.Width, tiles[0].W)
			if r.Rows > 0 && (h2 != r.Rows*tiles[0].H || w2 != r.Cols*tiles[0].W) {
				t.Errorf("%s: %d x %d: resized to %d x %d, want %d rows and %d columns", name, r.Width, r.Height, w2, h2, r.Rows, r.Cols)
			}
		}
	}
}

// tokens is what a tile takes.
func (m *Model) tokens(px *preprocess.Config) int {
	return tokensShuffled(m, px.Resize.Height, px.Resize.Width)
}

// TestWordsOfTiles: what is spelled between tiles, in one piece, as line ends may be one token.
func TestWordsOfTiles(t *testing.T) {
	_, g := gridOf(t, []byte(`{"image_processor_type":"Idefics3ImageProcessorFast"}`), 14, 2)
	for _, c := range []struct {
		rows, cols int
		want       string
	}{
		{0, 0, "F<global-img>|F"},
		{1, 2, "F<row_1_col_1>|F<row_1_col_2>|\n\nF<global-img>|F"},
		{2, 1, "F<row_1_col_1>|\nF<row_2_col_1>|\n\nF<global-img>|F"},
	} {
		var words []string
		g.spell = func(text string) ([]int32, error) {
			words = append(words, text)
			return []int32{1}, nil
		}
		if _, err := g.lay(c.rows, c.cols, 3); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(strings.Join(words, "|"), fakeToken, "F"); got != c.want {
			t.Errorf("%d x %d: %q, want %q", c.rows, c.cols, got, c.want)
		}
	}
}

// TestSizesOfPictures: edges as transformers has them, by hand.
func TestSizesOfPictures(t *testing.T) {
	for _, c := range []struct {
		set, size, want string
	}{
		{``, "480 640", "1092 1456 1092 1456"},
		{``, "3 1000", "4 1456 364 1456"},
		{`,"size":{"longest_edge":364}`, "1000 700", "364 254 364 364"},
		{`,"size":{"longest_edge":5000}`, "2500 5000", "2048 4096 2184 4368"}, // no edge beyond 4096
		{`,"do_resize":false`, "401 365", "401 365 728 728"},
	} {
		_, g := gridOf(t, []byte(`{"image_processor_type":"Idefics3ImageProcessor"`+c.set+`}`), 14, 2)
		var h, w int
		fmt.Sscan(c.size, &h, &w)
		h1, w1, h2, w2 := g.sizes(h, w, 364)
		if got := fmt.Sprint(h1, w1, h2, w2); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.size, c.set, got, c.want)
		}
	}
}

// TestRefusedImageProcessors: what would change numbers and is not there, each with one error.
func TestRefusedImageProcessors(t *testing.T) {
	const class = `"image_processor_type":"SmolVLMImageProcessor"`
	for raw, want := range map[string]string{
		`{}`: `image_processor_type is "", want SmolVLMImageProcessor or Idefics3ImageProcessor`,
		`{"image_processor_type":"CLIPImageProcessor"}`:         `image_processor_type is "CLIPImageProcessor"`,
		`{` + class + `,"size":{"height":3,"width":3}}`:         `size is {"height":3,"width":3}, want {"longest_edge": pixels}`,
		`{` + class + `,"size":{"longest_edge":0}}`:             `size is {"longest_edge":0}`,
		`{` + class + `,"max_image_size":{"longest_edge":"a"}}`: `max_image_size is {"longest_edge":"a"}`,
		`{` + class + `,"max_image_size":7}`:                    `max_image_size is 7`,
		`{` + class + `,"do_center_crop":true}`:                 `do_center_crop is true`,
		`{` + class + `,"do_pan_and_scan":true}`:                `do_pan_and_scan is true`,
		`{` + class + `,"resample":9}`:                          `resample is 9`,
		`{` + class + `,"image_std":[0,1,1]}`:                   `image_std[0] is 0`,
		`[]`:                                                    `cannot unmarshal array`,
	} {
		if _, _, err := parseGrid([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", raw, err, want)
		}
	}
	px, g := gridOf(t, []byte(`{`+class+`,"do_image_splitting":null,"do_pad":false,"do_center_crop":false}`), 14, 2)
	if g.split || px.Resample != preprocess.Lanczos || px.ImageMean != [3]float64{0.5, 0.5, 0.5} || !px.Decoder.OverWhite {
		t.Errorf("%+v, %+v", g, px)
	}
	if _, err := g.WithSize(px, 224); err == nil || !strings.Contains(err.Error(), "cut into tiles of 364 pixels") {
		t.Errorf("error %v", err)
	}
}
