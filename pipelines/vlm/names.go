package vlm

import "strings"

// renames pairs pieces of published module paths with those that transformers 5 has in memory, which
// is what PEFT looks adapters up by.
var renames = []struct{ published, memory string }{
	{"language_model.lm_head", "lm_head"},
	{"language_model.model.", "model.language_model."},
	{"vision_tower.vision_model.", "model.vision_tower."}, // CLIP, SigLIP
	{"vision_tower.", "model.vision_tower."},              // DINOv2
	{"multi_modal_projector.", "model.multi_modal_projector."},
}

// dinov2 pairs the pieces that differ inside a DINOv2 block.
var dinov2 = []struct{ published, memory string }{
	{".attention.attention.query", ".attention.q_proj"},
	{".attention.attention.key", ".attention.k_proj"},
	{".attention.attention.value", ".attention.v_proj"},
	{".attention.output.dense", ".attention.o_proj"},
}

// MemoryName turns a published module path of a LLaVA model into the one that transformers 5 has in memory.
func MemoryName(name string) string {
	for _, r := range renames {
		if rest, ok := strings.CutPrefix(name, r.published); ok {
			name = r.memory + rest
			break
		}
	}
	for _, r := range dinov2 {
		name = strings.Replace(name, r.published, r.memory, 1)
	}
	return name
}

// MemoryName is the path that transformers has for a module of m in memory. A decoder alone has no level above its own.
func (m *Model) MemoryName(name string) string {
	if !m.Config.HasVision() {
		return strings.TrimPrefix(name, LanguagePrefix)
	}
	return MemoryName(name)
}

// PublishedName turns a module path as transformers 5 has it in memory, a published one, or one of the decoder alone, which LLaVA's own
// adapters have, into the published one of m.
func (m *Model) PublishedName(name string) string {
	if !m.Config.HasVision() {
		return LanguagePrefix + strings.TrimPrefix(name, LanguagePrefix)
	}
	clip := !strings.HasPrefix(m.Config.Vision.ModelType, "dinov2")
	for _, r := range renames {
		if strings.HasPrefix(r.published, VisionPrefix) && clip != (r.published != VisionPrefix) {
			continue
		}
		if rest, ok := strings.CutPrefix(name, r.memory); ok {
			if clip {
				rest = strings.TrimPrefix(rest, "vision_model.") // transformers 4.52 to 4.57 kept that level
			}
			name = r.published + rest
			break
		}
	}
	for _, part := range []string{"model.layers.", "model.embed_tokens", "model.norm"} {
		if strings.HasPrefix(name, part) {
			return LanguagePrefix + name
		}
	}
	if clip {
		return name
	}
	for _, r := range dinov2 {
		name = strings.Replace(name, r.memory, r.published, 1)
	}
	return name
}
