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

// TestLayoutsNeedNoPixels: a picture's size alone says what its pixels are cut into, and nothing that a layout puts
// into a conversation is a target. That tiles, ids and pixels are those of transformers is tested in pipelines/verify.
func TestLayoutsNeedNoPixels(t *testing.T) {
	for _, name := range shuffledCases {
		one := map[string]int{"longest_edge": 24}
		for _, set := range []map[string]any{nil, {"do_image_splitting": false}, {"size": one}} {
			p, err := shuffled(t, spelled(t, name, false, set))
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob("testdata/pictures/*.png")
			if err != nil || len(files) == 0 {
				t.Fatalf("no pictures (%v)", err)
			}
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				img, err := p.Pixels.Decoder.Decode(b)
				if err != nil {
					t.Fatal(err)
				}
				e, err := p.Encode(datasets.Sample{Pictures: []datasets.Picture{{Bytes: b}}, Turns: []datasets.Turn{
					{From: datasets.Human, Value: chat.ImageMarker + "What is this?"}, {From: datasets.GPT, Value: "A picture."}}})
				if err != nil {
					t.Fatal(err)
				}
				tiles, layout, err := p.Cutter.Layout(p.Pixels, img.H, img.W)
				if im := e.Images[0]; err != nil || len(tiles) != len(im.Tiles) || fmt.Sprint(layout) != fmt.Sprint(im.Layout) {
					t.Errorf("%s %v, %s: %d tiles without its pixels, %d with them (%v)",
						name, set, file, len(tiles), len(im.Tiles), err)
				}
				checkUnlearnt(t, e)
			}
		}
	}
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
