package vlm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"moslava/internal/hfconfig"
	"moslava/internal/nn"
)

// Block expansion (LLaMA Pro, arXiv 2401.02415): the decoder's L blocks are cut into n groups of equal length, and behind each a copy of its last block
// is inserted. The copy's two layers that write to the residual stream start at zero, so that the longer model computes what the shorter one does; then
// the copies alone are trained.

// layersPrefix is what comes before the number of a decoder block.
const layersPrefix = LanguagePrefix + "model.layers."

// Expand is the configuration with n more decoder blocks; 0 leaves it as it is.
func (c *Config) Expand(n int) (*Config, error) {
	if n == 0 {
		return c, nil
	}
	l := c.Text.NumHiddenLayers
	if n < 0 || n > l || l%n != 0 {
		return nil, fmt.Errorf("expand: %d blocks cannot be spread over the %d of the decoder, want a divisor of %d", n, l, l)
	}
	out := *c
	out.origin, out.copied = nil, nil
	for i := range l {
		out.origin, out.copied = append(out.origin, i), append(out.copied, false)
		if (i+1)%(l/n) == 0 {
			out.origin, out.copied = append(out.origin, i), append(out.copied, true)
		}
	}
	out.Text.NumHiddenLayers = len(out.origin)
	text, err := hfconfig.Parse(c.raw["text_config"])
	if err != nil {
		return nil, fmt.Errorf("expand: text_config: %w", err)
	}
	if text["num_hidden_layers"], err = json.Marshal(len(out.origin)); err != nil {
		return nil, err
	}
	kinds := make([]string, len(out.origin))
	for i, o := range out.origin {
		kinds[i] = c.Text.LayerTypes[o]
	}
	out.Text.LayerTypes = kinds
	// Without the field windows would follow from the number of a layer, which has changed.
	if _, ok := text["layer_types"]; ok || c.Text.SlidingWindow != nil {
		if text["layer_types"], err = json.Marshal(kinds); err != nil {
			return nil, err
		}
	}
	out.raw = map[string]json.RawMessage{}
	for k, v := range c.raw {
		out.raw[k] = v
	}
	if out.raw["text_config"], err = json.Marshal(text); err != nil {
		return nil, err
	}
	return &out, nil
}

// Inserted reports whether a parameter belongs to a decoder block that was inserted.
func (c *Config) Inserted(name string) bool {
	i, _, ok := layerOf(name)
	return ok && i < len(c.copied) && c.copied[i]
}

// layerOf cuts the name of a parameter of a decoder block.
func layerOf(name string) (layer int, rest string, ok bool) {
	tail, ok := strings.CutPrefix(name, layersPrefix)
	if !ok {
		return 0, "", false
	}
	number, rest, ok := strings.Cut(tail, ".")
	layer, err := strconv.Atoi(number)
	return layer, rest, ok && err == nil && layer >= 0
}

// expanded gives the blocks of a longer decoder what the blocks they come from have.
type expanded struct {
	nn.Source
	cfg *Config
}

func (e expanded) Tensor(name string, shape []int, init nn.Init) ([]float32, error) {
	i, rest, ok := layerOf(name)
	if !ok {
		return e.Source.Tensor(name, shape, init)
	}
	data, err := e.Source.Tensor(layersPrefix+strconv.Itoa(e.cfg.origin[i])+"."+rest, shape, init)
	if err == nil && e.cfg.copied[i] && e.cfg.Text.WritesResidual(rest) {
		clear(data)
	}
	return data, err
}
