package preprocess

import (
	"fmt"
	"math"
)

// Config is an image processor: the fields of preprocessor_config.json and, from PadToSquare on, ours. It is read-only
// in use, so goroutines may share one.
type Config struct {
	Class         string // image_processor_type, without Fast: CLIPImageProcessor ...
	DoConvertRGB  bool   // kept for export: pictures are RGB before it counts, as in LLaVA
	DoResize      bool
	Resize        Target // "size"
	Resample      Filter
	DoCenterCrop  bool
	CropSize      Target // height and width only
	DoRescale     bool
	RescaleFactor float64
	DoNormalize   bool
	ImageMean     [3]float64
	ImageStd      [3]float64

	// PadToSquare pads the picture to a square with this colour before anything else, as LLaVA and XTuner do. See
	// MeanColour.
	PadToSquare *[3]uint8
	// Order is the order of the two passes of resizing: the zero value is that of Pillow up to 12.
	Order Order
	// Decoder is how ApplyBytes reads pictures.
	Decoder Decoder
}

// Target is a size to resize or crop to: either the shortest edge, with the aspect ratio kept, or both sides.
type Target struct {
	ShortestEdge  int // 0 where Height and Width count
	Height, Width int
}

const (
	classCLIP   = "CLIPImageProcessor"
	classSigLIP = "SiglipImageProcessor"
	classBit    = "BitImageProcessor"
	classLLaVA  = "LlavaImageProcessor"
)

// Default is a class with the defaults of transformers 5.23: CLIPImageProcessor, SiglipImageProcessor,
// BitImageProcessor (which DINOv2 uses) or LlavaImageProcessor.
func Default(class string) (*Config, error) {
	c := &Config{
		Class: class, DoConvertRGB: true, DoResize: true, Resample: Bicubic, DoRescale: true, RescaleFactor: 1.0 / 255,
		DoNormalize: true,
	}
	switch class {
	case classCLIP, classBit, classLLaVA:
		c.Resize = Target{ShortestEdge: 224}
		c.DoCenterCrop, c.CropSize = true, Target{Height: 224, Width: 224}
		c.ImageMean = [3]float64{0.48145466, 0.4578275, 0.40821073}
		c.ImageStd = [3]float64{0.26862954, 0.26130258, 0.27577711}
	case classSigLIP:
		c.Resize = Target{Height: 224, Width: 224}
		c.ImageMean, c.ImageStd = [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}
	default:
		return nil, fmt.Errorf("preprocess: image_processor_type is %q, want %s, %s, %s or %s (also with Fast)",
			class, classCLIP, classSigLIP, classBit, classLLaVA)
	}
	return c, nil
}

// WithSize is a copy that resizes to exactly side x side, bicubic, without cropping.
func (c *Config) WithSize(side int) *Config {
	d := *c
	d.DoResize, d.Resize, d.Resample = true, Target{Height: side, Width: side}, Bicubic
	d.DoCenterCrop = false
	return &d
}

// WithPadToSquare is a copy that pads pictures to squares with the mean colour.
func (c *Config) WithPadToSquare() *Config {
	d := *c
	colour := d.MeanColour()
	d.PadToSquare = &colour
	return &d
}

// MeanColour is ImageMean as a colour, rounded down as LLaVA and XTuner do: (122, 116, 104) for CLIP.
func (c *Config) MeanColour() (rgb [3]uint8) {
	for i, v := range c.ImageMean {
		rgb[i] = uint8(min(max(v*255, 0), 255))
	}
	return rgb
}

// Validate says what cannot be computed, by the field's name in preprocessor_config.json.
func (c *Config) Validate() error {
	switch {
	case !c.Resample.valid():
		return fmt.Errorf("preprocess: resample is %d, want 0 to %d", int(c.Resample), len(filterNames)-1)
	case !c.Order.valid():
		return c.Order.wrong()
	case c.DoRescale && !positive(c.RescaleFactor):
		return fmt.Errorf("preprocess: rescale_factor is %v, want a positive number", c.RescaleFactor)
	}
	if c.DoResize {
		if err := c.Resize.validate("size"); err != nil {
			return err
		}
	}
	if c.DoCenterCrop {
		if c.CropSize.ShortestEdge != 0 {
			return fmt.Errorf("preprocess: crop_size has shortest_edge %d, want height and width", c.CropSize.ShortestEdge)
		}
		if err := c.CropSize.validate("crop_size"); err != nil {
			return err
		}
	}
	if c.DoNormalize {
		for i, s := range c.ImageStd {
			if m := c.ImageMean[i]; math.IsNaN(m) || math.IsInf(m, 0) {
				return fmt.Errorf("preprocess: image_mean[%d] is %v, want a number", i, m)
			}
			if !positive(s) {
				return fmt.Errorf("preprocess: image_std[%d] is %v, want a positive number", i, s)
			}
		}
	}
	return nil
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

func (t Target) validate(field string) error {
	h, w := t.Height, t.Width
	if t.ShortestEdge != 0 {
		if h != 0 || w != 0 {
			return fmt.Errorf("preprocess: %s has shortest_edge %d and height %d, width %d, want one or the other", field, t.ShortestEdge, h, w)
		}
		h, w = t.ShortestEdge, t.ShortestEdge
	}
	if h < 1 || w < 1 || h > MaxSide || w > MaxSide || int64(h)*int64(w) > DefaultMaxPixels {
		return fmt.Errorf("preprocess: %s is %d x %d (height x width), want at least 1 x 1 and at most %d pixels", field, h, w, DefaultMaxPixels)
	}
	return nil
}
