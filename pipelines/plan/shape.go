package plan

import (
	"maps"

	"moslava/datasets"
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

// ShapeOf is the shape of a batch.
func ShapeOf(b *datasets.Batch) Batch {
	out := Batch{Targets: b.Targets()}
	for i := range b.Len() {
		lo, hi := int(b.Offsets[i]), int(b.Offsets[i+1])
		asking := min(1, hi-lo)
		for j := lo; j < hi; j++ {
			if b.Labels[j] != datasets.IgnoreIndex {
				asking = hi - j
				break
			}
		}
		out.Lengths, out.Asking = append(out.Lengths, hi-lo), append(out.Asking, asking)
	}
	for _, im := range b.Images {
		out.Images = append(out.Images, Picture{im.H, im.W})
	}
	return out
}

// attach adds the adapters that vlm's AttachAdapters would hang on a part.
func (p *Part) attach(m *vlm.Model, part string, cfg moslora.Config) error {
	laid, err := m.LayAdapters(part, cfg)
	if err != nil {
		return err
	}
	if p.Rows == nil {
		p.Saved, p.Rows = map[string]bool{}, map[string]int{}
	}
	for _, name := range laid.Saved {
		p.Saved[name] = true
	}
	maps.Copy(p.Rows, laid.Rows)
	linears := laid.Linears
	for _, l := range linears {
		c := cfg.For(l.Name)
		p.Adapters[l.Name] = &AdapterOutline{Rank: c.R, Mixer: c.Mixer != moslora.None && c.Start != moslora.MoSLoRAInit, Fixed: c.Mixer.Fixed(),
			FrozenA: c.FreezeA, DoRA: c.DoRA, Dropout: c.Dropout > 0}
	}
	unread, err := m.UnreadLinears(part, cfg)
	if err != nil {
		return err
	}
	p.Counts = append(p.Counts, AdapterCount{Part: part, Trained: countOf(linears, cfg), Unread: countOf(unread, cfg)})
	return nil
}

// zeroGrad gives the gradients back, as the trainer does after a step.
func (m *model) zeroGrad(p *pool) {
	for _, v := range m.leaves {
		p.put(v.grad)
		v.grad = nil
	}
}
