package vlm

import (
	"fmt"
	"strings"

	"moslava/internal/kernels"
)

// Storage says how the weights of a model that stay frozen are kept: kernels.F32, BF16, NF4 or NF4Single. What is not a weight of a
// linear, as norms, biases and positions are, and the projector, stays float32, as with bitsandbytes under transformers.
type Storage struct {
	Vision, Language kernels.Kind // of each tower's linears
	Vocabulary       kernels.Kind // of the decoder's embeddings and output layer: F32 or BF16
}

// kinds are the names that recipes use.
var kinds = map[string]kernels.Kind{"": kernels.F32, "float32": kernels.F32, "bfloat16": kernels.BF16, "nf4": kernels.NF4, "nf4-single": kernels.NF4Single}

// ParseStorage reads the names float32, bfloat16, nf4 and nf4-single; an empty one is float32.
func ParseStorage(vision, language, vocabulary string) (Storage, error) {
	var out Storage
	for _, p := range []struct {
		name string
		to   *kernels.Kind
	}{{vision, &out.Vision}, {language, &out.Language}, {vocabulary, &out.Vocabulary}} {
		kind, ok := kinds[p.name]
		if !ok || p.to == &out.Vocabulary && (kind == kernels.NF4 || kind == kernels.NF4Single) {
			return out, fmt.Errorf("weights cannot be kept as %q", p.name)
		}
		*p.to = kind
	}
	return out, nil
}

// Kind is how a linear's, a head's or an embedding's weight of that name is kept.
func (s Storage) Kind(name string) kernels.Kind {
	switch {
	case strings.HasPrefix(name, VisionPrefix):
		return s.Vision
	case strings.HasPrefix(name, ProjectorPrefix):
		return kernels.F32
	case IsEmbedding(name), IsHead(name):
		return s.Vocabulary
	}
	return s.Language
}
