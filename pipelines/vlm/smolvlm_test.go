package vlm

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/golden"
	"moslava/language/chat"
	"moslava/vision/preprocess"
)

// shuffledCases are goldens of the families whose pictures are cut into tiles.
var shuffledCases = []string{"smolvlm", "idefics3"}

// spelled copies a model directory without weights as save_pretrained of transformers 5.23 writes it, or with the files of published
// checkpoints; set is laid over the fields of the image processor.
func spelled(t *testing.T, name string, hub bool, set map[string]any) string {
	t.Helper()
	dir, from := t.TempDir(), filepath.Join("testdata", name)
	files := map[string]string{"config.json": "config.json", "tokenizer.json": "tokenizer.json", "tokenizer_config.json": "tokenizer_config.json",
		"chat_template.jinja": "chat_template.jinja", "processor_config.json": "processor_config.json"}
	if hub {
		files = map[string]string{"tokenizer.json": "tokenizer.json"}
		for _, f := range []string{"config", "tokenizer_config", "chat_template", "preprocessor_config", "processor_config"} {
			files[f+".hub.json"] = f + ".json"
		}
	}
	for f, to := range files {
		raw, err := os.ReadFile(filepath.Join(from, f))
		if err != nil {
			t.Fatal(err)
		}
		if hub == (to == "preprocessor_config.json") && strings.HasSuffix(to, "processor_config.json") {
			raw = withFields(t, raw, !hub, set)
		}
		if err := os.WriteFile(filepath.Join(dir, to), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// withFields lays set over an image processor, which is a part of the file or the whole. A nil value takes a field away.
func withFields(t *testing.T, raw []byte, part bool, set map[string]any) []byte {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	on := whole
	if part {
		on = whole["image_processor"].(map[string]any)
	}
	maps.Copy(on, set)
	maps.DeleteFunc(on, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// shuffled loads the processor of a directory, with the pixels of Pillow 13.
func shuffled(t *testing.T, dir string) (*Processor, error) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := ParseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	p, err := LoadProcessor(dir, cfg)
	if err == nil {
		p.Pixels.Order = preprocess.Pillow13
	}
	return p, err
}

// conversation is one of processor.json.
type conversation struct {
	Name     string
	Kwargs   map[string]any
	Messages []struct {
		Role    string
		Content []struct{ Type, Text, Picture string }
	}
	Ask      bool `json:"add_generation_prompt"`
	Prompt   string
	Expanded string
	IDs      []int32 `json:"input_ids"`
	Pictures []struct {
		Picture                                  string
		Height, Width, Rows, Cols, Tiles, Tokens int
		ImageTokens                              int `json:"image_tokens"`
	}
}

// messages writes a conversation with markers; parts of content are cut again at a line break, which is put there.
func (c *conversation) messages() (out []chat.Message) {
	for _, m := range c.Messages {
		text := ""
		for i, part := range m.Content {
			if part.Type == "image" {
				text += chat.ImageMarker
				continue
			}
			if i > 0 && strings.HasPrefix(part.Text, "\n") {
				text += "\n"
			}
			text += part.Text
		}
		out = append(out, chat.Message{Role: m.Role, Content: text})
	}
	return out
}

func readConversations(t *testing.T, name string) []conversation {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name, "processor.json"))
	var whole struct{ Conversations []conversation }
	if err == nil {
		err = json.Unmarshal(raw, &whole)
	}
	if err != nil {
		t.Fatal(err)
	}
	return whole.Conversations
}

// TestTilesAgreeWithTransformers: prompts, ids, tiles and pixels of both spellings of a directory are those of transformers.
func TestTilesAgreeWithTransformers(t *testing.T) {
	for _, name := range shuffledCases {
		g := golden.Open(t, filepath.Join("testdata", name, "processor.safetensors"))
		for i, c := range readConversations(t, name) {
			for _, hub := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/hub=%v", name, c.Name, hub), func(t *testing.T) {
					p, err := shuffled(t, spelled(t, name, hub, c.Kwargs))
					if err != nil {
						t.Fatal(err)
					}
					checkConversation(t, p, c, g, fmt.Sprintf("%d.u8", i))
				})
			}
		}
	}
}

func checkConversation(t *testing.T, p *Processor, c conversation, g *golden.Golden, pixels string) {
	t.Helper()
	msgs := c.messages()
	if text, err := p.Template.Render(msgs, c.Ask); err != nil || text != c.Prompt {
		t.Errorf("prompt %q, want %q (%v)", text, c.Prompt, err)
	}
	var s datasets.Sample
	var files [][]byte
	for _, pic := range c.Pictures {
		b, err := os.ReadFile(filepath.Join("testdata", "pictures", pic.Picture+".png"))
		if err != nil {
			t.Fatal(err)
		}
		files, s.Pictures = append(files, b), append(s.Pictures, datasets.Picture{Bytes: b})
	}
	var ids []int32
	var images []datasets.Image
	if c.Ask {
		var err error
		if ids, images, err = p.Prompt(msgs, files); err != nil {
			t.Fatal(err)
		}
	} else {
		for _, m := range msgs {
			from := map[string]string{"user": datasets.Human, "assistant": datasets.GPT, "system": datasets.System}[m.Role]
			s.Turns = append(s.Turns, datasets.Turn{From: from, Value: m.Content})
		}
		e, err := p.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		ids, images = e.IDs, e.Images
		checkUnlearnt(t, e)
	}
	if !slices.Equal(ids, c.IDs) {
		t.Errorf("ids\n%v, want\n%v", ids, c.IDs)
	}
	if text := p.Tokenizer.Decode(ids, false); text != c.Expanded {
		t.Errorf("expanded\n%q, want\n%q", text, c.Expanded)
	}
	if len(images) != len(c.Pictures) {
		t.Fatalf("%d pictures, want %d", len(images), len(c.Pictures))
	}
	for i, want := range c.Pictures {
		im := images[i]
		tiles, layout, err := p.Cutter.Layout(p.Pixels, want.Height, want.Width)
		if err != nil || len(tiles) != len(im.Tiles) || fmt.Sprint(layout) != fmt.Sprint(im.Layout) {
			t.Errorf("picture %s: %d tiles without its pixels, %d with them (%v)", want.Picture, len(tiles), len(im.Tiles), err)
		}
		if len(im.Tiles) != want.Tiles || want.Tiles != want.Rows*want.Cols+1 || im.Layout.Features() != want.ImageTokens {
			t.Errorf("picture %s: %d tiles and %d image tokens, want %d and %d", want.Picture, len(im.Tiles), im.Layout.Features(), want.Tiles, want.ImageTokens)
		}
	}
	tiles := datasets.Tiles(images)
	if len(tiles) == 0 {
		if g.Has(pixels) {
			t.Errorf("no tiles, %s has some", pixels)
		}
		return
	}
	checkPixels(t, p.Pixels, tiles, g, pixels)
}

// checkUnlearnt: nothing that a layout put there is a target.
func checkUnlearnt(t *testing.T, e datasets.Example) {
	t.Helper()
	for _, im := range e.Images {
		for i := im.At; i < im.At+im.Layout.Len(); i++ {
			if e.Labels[i] != datasets.IgnoreIndex {
				t.Errorf("id %d of a picture at %d is a target", e.IDs[i], i)
			}
		}
	}
}

// checkPixels compares tiles with bytes, of which pixels are (byte/255 - mean)/std.
func checkPixels(t *testing.T, px *preprocess.Config, tiles []datasets.Tile, g *golden.Golden, name string) {
	t.Helper()
	shape, want := g.Shape(t, name), g.Ints(t, name)
	side := px.Resize.Width
	if !slices.Equal(shape, []int{len(tiles), 3, side, side}) {
		t.Fatalf("%s has shape %v, there are %d tiles of %d", name, shape, len(tiles), side)
	}
	different := 0
	for k, tile := range tiles {
		for i, v := range tile.Pixels {
			channel := i / (side * side)
			exact := (float64(want[k*len(tile.Pixels)+i])/255 - px.ImageMean[channel]) / px.ImageStd[channel]
			if d := float64(v) - exact; d > 2e-6 || d < -2e-6 {
				different++
			}
		}
	}
	if different > 0 {
		t.Errorf("%s: %d values differ", name, different)
	}
}

// TestContradictingTiles: settings that do not fit the model, or the tokenizer, are errors that say where and what.
func TestContradictingTiles(t *testing.T) {
	for _, c := range []struct {
		set  map[string]any
		file string // of the directory, in which from becomes to
		from string
		to   string
		want []string
	}{
		{nil, "processor_config.json", `"image_seq_len":9`, `"image_seq_len":8`, []string{"processor_config.json: image_seq_len is 8", "makes 9 features of a tile of 24 x 24 pixels"}},
		{map[string]any{"max_image_size": map[string]int{"longest_edge": 32}}, "", "", "", []string{"image_seq_len is 9", "makes 16 features of a tile of 32 x 32 pixels"}},
		{map[string]any{"max_image_size": map[string]int{"longest_edge": 20}}, "", "", "", []string{"image_processor: max_image_size is 20 pixels, which are 5 patches of 4 a side", "joins 2 of them"}},
		{map[string]any{"max_image_size": map[string]int{"longest_edge": 3}}, "", "", "", []string{"max_image_size is 3 pixels"}},
		{map[string]any{"image_processor_type": "CLIPImageProcessor"}, "", "", "", []string{"image_processor: image_processor_type is", "want SmolVLMImageProcessor or"}},
		{nil, "tokenizer.json", "<global-img>", "<local-img>", []string{"the tokenizer has no <global-img> token", "SmolVLM"}},
	} {
		dir := spelled(t, "smolvlm", false, c.set)
		if c.file != "" {
			path := filepath.Join(dir, c.file)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(string(raw), c.from, c.to)
			if text == string(raw) {
				t.Fatalf("%s has no %s", c.file, c.from)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := shuffled(t, dir)
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%v %s: error %v, want %q", c.set, c.to, err, w)
			}
		}
	}
}

// TestTilesAreSaved: the files of a saved processor make the same tiles and ids.
func TestTilesAreSaved(t *testing.T) {
	for _, set := range []map[string]any{nil, {"do_image_splitting": false}, {"do_resize": false}, {"size": map[string]int{"longest_edge": 24}}} {
		dir := spelled(t, "idefics3", true, set)
		p, err := shuffled(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		to := t.TempDir()
		if err := p.Save(to); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, ConfigFile))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, ConfigFile), raw, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := shuffled(t, to)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile("testdata/pictures/dog.png")
		if err != nil {
			t.Fatal(err)
		}
		msgs := []chat.Message{{Role: "user", Content: "What is <image>?"}}
		ids, images, err := p.Prompt(msgs, [][]byte{b})
		ids2, images2, err2 := again.Prompt(msgs, [][]byte{b})
		if err != nil || err2 != nil || !slices.Equal(ids, ids2) || len(images[0].Tiles) != len(images2[0].Tiles) {
			t.Fatalf("%v: ids %v and %v, errors %v and %v", set, ids, ids2, err, err2)
		}
		for i, tile := range images[0].Tiles {
			if !slices.Equal(tile.Pixels, images2[0].Tiles[i].Pixels) {
				t.Errorf("%v: tile %d differs", set, i)
			}
		}
	}
}

// TestTilesEnterTheModel: pixels are the numbers that transformers' model gets, to the bit.
func TestTilesEnterTheModel(t *testing.T) {
	p, err := shuffled(t, spelled(t, "idefics3", false, nil))
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	for _, name := range []string{"exact72x48", "wide"} {
		b, err := os.ReadFile(filepath.Join("testdata", "pictures", name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		im, err := p.Picture(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, tile := range im.Tiles {
			got = append(got, tile.Pixels...)
		}
	}
	if want := golden.Open(t, "testdata/idefics3/golden.safetensors").Float32(t, "input.pixel_values"); !slices.Equal(got, want) {
		t.Errorf("%d values differ from the %d that transformers has", len(got), len(want))
	}
}
