package preprocess

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// TestApplyEqualsTransformers compares bit for bit, floats included.
func TestApplyEqualsTransformers(t *testing.T) {
	for _, g := range goldens(t).Apply {
		c, err := Parse(g.Config)
		if err != nil {
			t.Fatalf("%s: %v", g.Config, err)
		}
		c.Order = Pillow13
		img := picture(t, g.File)
		m, err := c.U8(img)
		if err != nil {
			t.Fatalf("%s: %v", g.Config, err)
		}
		if got := digest(m.Pix); m.H != g.H || m.W != g.W || got != g.U8 {
			t.Errorf("%s, %s: bytes %d x %d, hash %s, want %d x %d, %s", g.File, g.Config, m.H, m.W, got, g.H, g.W, g.U8)
		}
		pixels, h, w, err := c.Apply(img)
		if err != nil {
			t.Fatal(err)
		}
		if got := digestFloats(t, pixels); h != g.H || w != g.W || got != g.F32 {
			t.Errorf("%s, %s: floats %d x %d, hash %s, want %d x %d, %s", g.File, g.Config, h, w, got, g.H, g.W, g.F32)
		}
		if fh, fw, fixed := c.Size(); fixed && (fh != h || fw != w) {
			t.Errorf("%s: Size says %d x %d, the result is %d x %d", g.Config, fh, fw, h, w)
		}
		roundTrip(t, c)
	}
}

// roundTrip writes c and reads it again.
func roundTrip(t *testing.T, c *Config) {
	t.Helper()
	b, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(b)
	if err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	want := *c
	want.Order, want.Decoder = 0, Decoder{}
	if want.PadToSquare != nil {
		want.Class = classLLaVA
	}
	if !reflect.DeepEqual(back, &want) {
		t.Errorf("%+v came back as %+v", want, *back)
	}
}

func TestSize(t *testing.T) {
	clip, err := Default(classCLIP)
	if err != nil {
		t.Fatal(err)
	}
	open := *clip
	open.DoCenterCrop = false
	for _, c := range []struct {
		name  string
		c     *Config
		side  int
		fixed bool
	}{
		{"cropped", clip, 224, true},
		{"shortest edge", &open, 0, false},
		{"padded", open.WithPadToSquare(), 224, true},
		{"square", open.WithSize(48), 48, true},
	} {
		if h, w, fixed := c.c.Size(); h != c.side || w != c.side || fixed != c.fixed {
			t.Errorf("%s: %d x %d, %v, want %d, %v", c.name, h, w, fixed, c.side, c.fixed)
		}
		roundTrip(t, c.c)
	}
	if got := clip.MeanColour(); got != [3]uint8{122, 116, 104} {
		t.Errorf("mean colour %v, want LLaVA's 122, 116, 104", got)
	}
	if clip.PadToSquare != nil || !clip.DoCenterCrop {
		t.Error("the copies changed the original")
	}
}

func TestParse(t *testing.T) {
	c, err := Parse([]byte(`{"crop_size": 336, "do_center_crop": true, "do_normalize": true, "do_resize": true,
		"feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 336,
		"processor_class": "LlavaProcessor", "do_pad": false, "size_divisor": null, "_valid_processor_keys": ["images"]}`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Default(classCLIP)
	if err != nil {
		t.Fatal(err)
	}
	want.Resize, want.CropSize = Target{ShortestEdge: 336}, Target{Height: 336, Width: 336}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, want %+v", *c, *want)
	}
}

// TestParseNull: null is off for switches, and missing for what they need, as in transformers 5.23.
func TestParseNull(t *testing.T) {
	c, err := Parse([]byte(`{"image_processor_type": "CLIPFeatureExtractor", "do_resize": null, "size": null, "resample": null,
		"do_center_crop": null, "crop_size": null, "do_rescale": null, "rescale_factor": null, "do_normalize": null, "image_mean": null,
		"image_std": null, "do_convert_rgb": null, "do_pad": null}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Class != classCLIP || c.DoResize || c.DoCenterCrop || c.DoRescale || c.DoNormalize || c.DoConvertRGB || c.PadToSquare != nil {
		t.Errorf("%+v, want everything off", *c)
	}
	for value, name := range map[string]string{"size": "do_resize", "resample": "do_resize", "crop_size": "do_center_crop",
		"rescale_factor": "do_rescale", "image_mean": "do_normalize", "image_std": "do_normalize"} {
		_, err := Parse([]byte(`{"image_processor_type": "CLIPImageProcessor", "` + value + `": null}`))
		if want := value + " is null, want a value or " + name + " false"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: "no JSON object",
		`{}`: "image_processor_type is missing",
		`{"image_processor_type": "Qwen2VLImageProcessor"}`:                                        `"Qwen2VLImageProcessor"`,
		`{"image_processor_type": 3}`:                                                              "image_processor_type is 3",
		`{"image_processor_type": "CLIPImageProcessor", "do_pad": true}`:                           "do_pad is true in CLIPImageProcessor",
		`{"image_processor_type": "CLIPImageProcessor", "crop_pct": 0.9}`:                          "crop_pct is 0.9",
		`{"image_processor_type": "CLIPImageProcessor", "use_square_size": true}`:                  "use_square_size is true",
		`{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 1, "width": 2}}`: "size is {",
		`{"image_processor_type": "CLIPImageProcessor", "size": {"longest_edge": 9}}`:              "size has longest_edge",
		`{"image_processor_type": "CLIPImageProcessor", "size": {}}`:                               "size is {}",
		`{"image_processor_type": "CLIPImageProcessor", "size": 0}`:                                "size is 0",
		`{"image_processor_type": "CLIPImageProcessor", "size": [1, 2, 3]}`:                        "size is [1, 2, 3]",
		`{"image_processor_type": "CLIPImageProcessor", "size": 2000000}`:                          "size is 2000000",
		`{"image_processor_type": "CLIPImageProcessor", "size": "big"}`:                            `size is "big"`,
		`{"image_processor_type": "CLIPImageProcessor", "crop_size": {"shortest_edge": 9}}`:        "crop_size has shortest_edge",
		`{"image_processor_type": "CLIPImageProcessor", "resample": 6}`:                            "resample is 6",
		`{"image_processor_type": "CLIPImageProcessor", "resample": "bicubic"}`:                    `resample is "bicubic"`,
		`{"image_processor_type": "CLIPImageProcessor", "do_resize": "yes"}`:                       `do_resize is "yes"`,
		`{"image_processor_type": "CLIPImageProcessor", "image_mean": [1, 2]}`:                     "image_mean is [1, 2]",
		`{"image_processor_type": "CLIPImageProcessor", "image_mean": [1, null, 2]}`:               "image_mean is [1, null, 2]",
		`{"image_processor_type": "CLIPImageProcessor", "image_std": [1, 0, 1]}`:                   "image_std[1] is 0",
		`{"image_processor_type": "CLIPImageProcessor", "rescale_factor": -1}`:                     "rescale_factor is -1",
		`{"image_processor_type": "CLIPImageProcessor", "data_format": "channels_last"}`:           "data_format",
	} {
		c, err := Parse([]byte(text))
		if err == nil {
			t.Errorf("%s: %+v, want an error", text, *c)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	write := func(t *testing.T, dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const sig = `{"image_processor_type": "SiglipImageProcessorFast"}`
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), configFile) {
		t.Errorf("%v, want the missing %s named", err, configFile)
	}
	write(t, dir, configFile, sig)
	write(t, dir, processorFile, `{"image_token": "<image>"}`)
	if c, err := Load(dir); err != nil || c.Class != classSigLIP {
		t.Errorf("%+v, %v, want %s of %s", c, err, classSigLIP, configFile)
	}
	write(t, dir, processorFile, `{"image_processor": {"image_processor_type": "BitImageProcessor"}}`)
	if c, err := Load(dir); err != nil || c.Class != classBit {
		t.Errorf("%+v, %v, want %s of %s", c, err, classBit, processorFile)
	}
	write(t, dir, processorFile, `{"image_processor": {"image_processor_type": "BitImageProcessor", "resample": 9}}`)
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), processorFile+": image_processor: ") {
		t.Errorf("%v, want file and part named", err)
	}
	write(t, dir, processorFile, "{")
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), processorFile) {
		t.Errorf("%v, want the broken file named", err)
	}
	write(t, dir, processorFile, strings.Repeat(" ", maxConfigSize+1))
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "want at most") {
		t.Errorf("%v, want the size refused", err)
	}
}

func TestJSONRefusesAnotherPadding(t *testing.T) {
	c, err := Default(classCLIP)
	if err != nil {
		t.Fatal(err)
	}
	c.PadToSquare = &[3]uint8{0, 0, 0}
	if _, err := c.JSON(); err == nil || !strings.Contains(err.Error(), "[0 0 0]") {
		t.Errorf("%v, want the colour refused", err)
	}
}

func TestApplyRefusesAnUnboundedResult(t *testing.T) {
	c, err := Default(classCLIP)
	if err != nil {
		t.Fatal(err)
	}
	c.DoCenterCrop = false
	_, err = c.U8(noise(1, 100000))
	if err == nil || !strings.Contains(err.Error(), "224 x 22400000") {
		t.Errorf("%v, want the size refused", err)
	}
	c = c.WithSize(0)
	if _, err := c.U8(noise(2, 2)); err == nil || !strings.Contains(err.Error(), "size is 0 x 0") {
		t.Errorf("%v, want the size refused", err)
	}
}

func TestGoroutinesShareAConfig(t *testing.T) {
	c, err := Default(classSigLIP)
	if err != nil {
		t.Fatal(err)
	}
	img := picture(t, "photo.png")
	want, _, _, err := c.Apply(img)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, _, _, err := c.Apply(img)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("a goroutine's result differs (%v)", err)
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 20}, "crop_size": 9}`))
	f.Add([]byte(`{"image_processor_type": "LlavaImageProcessor", "do_pad": true, "image_mean": 0.5, "size": [3, 4]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		if _, err := c.JSON(); err != nil {
			t.Errorf("%s: read, but not written: %v", b, err)
		}
	})
}
