package pipelines

import (
	"fmt"

	"moslava/moslora"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// adapterConfig is what a recipe asks of the adapters of one tower.
func adapterConfig(c *recipe.Adapter) (moslora.Config, error) {
	out := moslora.Config{R: c.R, Alpha: c.Alpha, Dropout: c.Dropout, Mixer: moslora.Mixer(c.Mixer), RSLoRA: c.RSLoRA, Targets: c.Targets,
		Start: moslora.Start(c.Start), FreezeA: c.FreezeA, DoRA: c.DoRA}
	for _, p := range c.RankPattern {
		if err := out.RankPattern.Add(p.Layers, p.Value); err != nil {
			return out, fmt.Errorf("rank_pattern: %w", err)
		}
	}
	for _, p := range c.AlphaPattern {
		if err := out.AlphaPattern.Add(p.Layers, p.Value); err != nil {
			return out, fmt.Errorf("alpha_pattern: %w", err)
		}
	}
	for _, p := range c.MixerPattern {
		if err := out.MixerPattern.Add(p.Layers, moslora.Mixer(p.Value)); err != nil {
			return out, fmt.Errorf("mixer_pattern: %w", err)
		}
	}
	return out, nil
}

// composition reads the directories of adapters.compose; nil if there are none.
func composition(a *recipe.AdaptersConfig, m *vlm.Model) (*moslora.Composition, error) {
	if len(a.Compose) == 0 {
		return nil, nil
	}
	var dirs []string
	for _, p := range a.Compose {
		dirs = append(dirs, string(p))
	}
	c, err := m.ReadComposition(dirs)
	if err != nil {
		return nil, fmt.Errorf("adapters.compose: %w", err)
	}
	return c, nil
}
