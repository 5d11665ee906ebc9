package vlm

import (
	"encoding/json"
	"fmt"

	"moslava/internal/safetensors"
)

// exportPositions returns the vision_config of an export. transformers' LLaVA takes pictures of CLIP's and SigLIP's own size only:
// where the model was used at another one, the tower in list becomes one of that size, with positions that are interpolated once
// and for all. Nothing that is computed changes.
func (m *Model) exportPositions(p *Processor, list []safetensors.Tensor) (json.RawMessage, error) {
	c := m.Config.Vision
	h, w, fixed := p.Pixels.Size()
	if !fixed || c.TakesAnySize() || h == c.ImageSize && w == c.ImageSize {
		return m.Config.visionJSON(nil)
	}
	if h != w {
		return nil, fmt.Errorf("pictures are %dx%d, and transformers' %s takes squares only", h, w, c.ModelType)
	}
	for i := range list {
		if list[i].Name != VisionPrefix+c.PositionName() || !c.Interpolates(h, w) {
			continue
		}
		load := list[i].Load
		list[i].Shape = []int{c.Patches(h, w) + c.Extra(), c.HiddenSize}
		list[i].Load = func() ([]float32, error) {
			table, err := load()
			if err != nil {
				return nil, err
			}
			return c.Resampled(table, h, w), nil
		}
	}
	return m.Config.visionJSON(map[string]any{"image_size": h})
}
