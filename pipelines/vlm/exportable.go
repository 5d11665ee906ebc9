package vlm

import (
	"fmt"

	"moslava/projector"
)

// The formats of an export that depend on more than adapters.
const (
	FormatModel  = "hf"
	FormatTowers = "towers"
	FormatXTuner = "xtuner"
)

// CheckExport says why a model cannot be written in a format of recipes. The model needs no weights, and its adapters do not count.
func (m *Model) CheckExport(format string, p *Processor) error {
	switch format {
	case FormatModel:
		if !m.Config.HasVision() {
			return nil
		}
		if m.Config.Projector.Type != m.Config.Family.Connector {
			return fmt.Errorf("export: transformers' %s has no %s projector", m.Config.Family.Name, m.Config.Projector.Type)
		}
		if _, err := m.exportPositions(p, nil); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	case FormatTowers:
		if !m.Config.HasVision() {
			return fmt.Errorf("export: %s is for a vision tower and a decoder, and the model is a decoder alone: format hf writes it", format)
		}
	case FormatXTuner:
		if !m.Config.HasVision() {
			return fmt.Errorf("export: %s is for adapters of a vision tower and a decoder, and the model is a decoder alone: format peft writes them", format)
		}
		if len(m.Config.Added) > 0 {
			return fmt.Errorf("export: XTuner's adapters have no place for the tokens that model.add_tokens adds: " +
				"format peft or hf has")
		}
		if t := m.Config.Projector.Type; t != projector.MLP && t != projector.Linear {
			return fmt.Errorf("export: XTuner has no %s projector", t)
		}
	}
	return nil
}
