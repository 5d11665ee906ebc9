package checkpoint

import (
	"slices"
	"strings"
)

// A Prefix says that names the program asks for as Wanted + rest may be Stored
// + rest in a file.
type Prefix struct{ Wanted, Stored string }

// LLaVA lists the layouts LLaVA models are found in. The wanted names are the
// published ones (transformers before 4.52, XTuner, nearly all files of the
// hub): language_model.model..., language_model.lm_head.weight,
// vision_tower.vision_model..., multi_modal_projector....
var LLaVA = []Prefix{
	// State dicts of transformers 4.52 and later, as modules are named in
	// memory (models/llava/modeling_llava.py).
	{"language_model.model.", "model.language_model."},
	{"language_model.lm_head.", "lm_head."},
	{"multi_modal_projector.", "model.multi_modal_projector."},
	{"vision_tower.", "model.vision_tower."},
	// transformers 5 has no vision_model level in memory, and save_pretrained
	// does not put it back.
	{"vision_tower.vision_model.", "vision_tower."},
	{"vision_tower.vision_model.", "model.vision_tower."},
}

// Vision lists the layouts vision towers are found in by themselves. The wanted names are the published ones: vision_model... of
// CLIP and SigLIP, embeddings..., encoder... and layernorm... of DINOv2.
var Vision = []Prefix{
	{"vision_model.", ""},                                              // save_pretrained of transformers 5
	{"vision_model.", "vision_tower.vision_model."},                    // the tower of a LLaVA model, published
	{"vision_model.", "vision_tower."},                                 // saved by transformers 5
	{"vision_model.", "model.vision_tower."},                           // in memory
	{"vision_model.", "model.vision_tower.vision_tower.vision_model."}, // LLaVA's own
	// DINOv2 has no level of its own. With a classifier it is below dinov2, in a LLaVA model below vision_tower.
	{"embeddings.", "dinov2.embeddings."}, {"encoder.", "dinov2.encoder."}, {"layernorm.", "dinov2.layernorm."},
	{"embeddings.", "dinov2_with_registers.embeddings."}, {"encoder.", "dinov2_with_registers.encoder."}, {"layernorm.", "dinov2_with_registers.layernorm."},
	{"embeddings.", "vision_tower.embeddings."}, {"encoder.", "vision_tower.encoder."}, {"layernorm.", "vision_tower.layernorm."},
	{"embeddings.", "model.vision_tower.embeddings."}, {"encoder.", "model.vision_tower.encoder."}, {"layernorm.", "model.vision_tower.layernorm."},
}

// Projector lists the layouts projectors are found in. The wanted names are the published ones,
// multi_modal_projector.linear_1... and, unless it is a single linear layer, linear_2.
var Projector = []Prefix{
	{"multi_modal_projector.", "model.multi_modal_projector."},
	{"multi_modal_projector.", "base_model.model.multi_modal_projector."}, // beside adapters
	{"multi_modal_projector.", "base_model.model.model.multi_modal_projector."},
	{"multi_modal_projector.", ""},
	// LLaVA's own, of stage 1 (mm_projector.bin), in a whole model, and of runs with adapters (non_lora_trainables.bin).
	{"multi_modal_projector.linear_1.", "model.mm_projector.0."}, {"multi_modal_projector.linear_2.", "model.mm_projector.2."},
	{"multi_modal_projector.linear_1.", "mm_projector.0."}, {"multi_modal_projector.linear_2.", "mm_projector.2."},
	{"multi_modal_projector.linear_1.", "base_model.model.model.mm_projector.0."}, {"multi_modal_projector.linear_2.", "base_model.model.model.mm_projector.2."},
	{"multi_modal_projector.linear_1.", "model.mm_projector."}, // a single linear layer
	{"multi_modal_projector.linear_1.", "mm_projector."},
	// XTuner's projector/.
	{"multi_modal_projector.linear_1.", "model.0."}, {"multi_modal_projector.linear_2.", "model.2."},
}

// projectorParts are what the names of a projector's tensors begin with in any of those layouts.
var projectorParts = []string{"multi_modal_projector.", "mm_projector.", "linear_1.", "linear_2."}

// IsProjector recognises the tensors of a projector in a file that may hold others.
func IsProjector(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "base_model.model."), "model.")
	if name != "" && name[0] >= '0' && name[0] <= '9' { // XTuner's model.N
		return true
	}
	return begins(name, projectorParts)
}

// besideDecoder are what the files of LLaVA models hold beside the decoder.
var besideDecoder = []string{"model.mm_projector.", "vision_tower.", "model.vision_tower.", "multi_modal_projector.", "model.multi_modal_projector."}

// IsBesideDecoder recognises what the files of LLaVA models hold beside the decoder.
func IsBesideDecoder(name string) bool { return begins(name, besideDecoder) }

// begins reports whether name begins with one of prefixes.
func begins(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Language lists the layouts LLaMA-like decoders are found in by themselves.
// The wanted names are the published ones, model... and lm_head.weight.
var Language = []Prefix{
	{"model.", "language_model.model."}, // the decoder of a LLaVA model, published
	{"lm_head.", "language_model.lm_head."},
	{"output.", "language_model.output."}, // InternLM2
	{"model.", "model.language_model."},   // in memory
	{"model.", ""},                        // saved without the head
}

// Candidates makes a table into a function for Dir.Rename. Rows are tried in
// order.
func Candidates(table []Prefix) func(wanted string) []string {
	return func(wanted string) []string {
		var list []string
		for _, p := range table {
			if rest, ok := strings.CutPrefix(wanted, p.Wanted); ok {
				list = append(list, p.Stored+rest)
			}
		}
		return list
	}
}
