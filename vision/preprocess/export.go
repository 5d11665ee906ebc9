package preprocess

import (
	"encoding/json"
	"fmt"
)

// JSON is a preprocessor_config.json with every field spelled out, ending in a newline; Parse reads it back. Padding
// to a square is written as LlavaImageProcessor with do_pad (transformers 4.49 or later), which pads with the mean
// colour: another colour cannot be expressed there and is an error. Decoder is not written.
func (c *Config) JSON() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	class := c.Class
	if c.PadToSquare != nil {
		if colour := c.MeanColour(); *c.PadToSquare != colour {
			return nil, fmt.Errorf("preprocess: padding with %v cannot be exported: %s pads with the mean colour %v",
				*c.PadToSquare, classLLaVA, colour)
		}
		class = classLLaVA
	}
	if _, err := Default(class); err != nil {
		return nil, err
	}
	out := exported{
		CropSize: c.CropSize.json(), DoCenterCrop: c.DoCenterCrop, DoConvertRGB: c.DoConvertRGB, DoNormalize: c.DoNormalize,
		DoPad: c.PadToSquare != nil, DoRescale: c.DoRescale, DoResize: c.DoResize, ImageMean: c.ImageMean,
		ImageProcessorType: class, ImageStd: c.ImageStd, Resample: int(c.Resample), RescaleFactor: c.RescaleFactor,
		Size: c.Resize.json(),
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("preprocess: %w", err)
	}
	return append(b, '\n'), nil
}

type exported struct {
	CropSize           map[string]int `json:"crop_size,omitempty"`
	DoCenterCrop       bool           `json:"do_center_crop"`
	DoConvertRGB       bool           `json:"do_convert_rgb"`
	DoNormalize        bool           `json:"do_normalize"`
	DoPad              bool           `json:"do_pad,omitempty"`
	DoRescale          bool           `json:"do_rescale"`
	DoResize           bool           `json:"do_resize"`
	ImageMean          [3]float64     `json:"image_mean"`
	ImageProcessorType string         `json:"image_processor_type"`
	ImageStd           [3]float64     `json:"image_std"`
	Resample           int            `json:"resample"`
	RescaleFactor      float64        `json:"rescale_factor"`
	Size               map[string]int `json:"size,omitempty"`
}

func (t Target) json() map[string]int {
	switch {
	case t.ShortestEdge != 0:
		return map[string]int{"shortest_edge": t.ShortestEdge}
	case t.Height != 0 || t.Width != 0:
		return map[string]int{"height": t.Height, "width": t.Width}
	}
	return nil
}
