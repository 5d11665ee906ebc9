package vlm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/kernels"
)

// Storage says how the weights of a model that stay frozen are kept: kernels.F32, BF16, NF4 or NF4Single. What is not a weight of a
// linear, as norms, biases and positions are, and the projector, stays float32, as with bitsandbytes under transformers.
type Storage struct {
	Vision, Language kernels.Kind // of each tower's linears
	Vocabulary       kernels.Kind // of the decoder's embeddings and output layer: F32 or BF16
}

type storageKind struct {
	name   string
	kind   kernels.Kind
	tables bool // those of the vocabulary can be kept so, too
}

// kinds are the names that recipes use.
var kinds = []storageKind{{"float32", kernels.F32, true}, {"bfloat16", kernels.BF16, true}, {"nf4", kernels.NF4, false}, {"nf4-single", kernels.NF4Single, false}}

// Storages are the names that ParseStorage reads for linears and for tables; the first is what an empty one is.
func Storages() (linears, tables []string) {
	for _, k := range kinds {
		if linears = append(linears, k.name); k.tables {
			tables = append(tables, k.name)
		}
	}
	return linears, tables
}

// ParseStorage reads names of storages, see Storages.
func ParseStorage(vision, language, vocabulary string) (Storage, error) {
	var out Storage
	for _, p := range []struct {
		name string
		to   *kernels.Kind
	}{{vision, &out.Vision}, {language, &out.Language}, {vocabulary, &out.Vocabulary}} {
		name := cmp.Or(p.name, kinds[0].name)
		i := slices.IndexFunc(kinds, func(k storageKind) bool { return k.name == name && (k.tables || p.to != &out.Vocabulary) })
		if i < 0 {
			return out, fmt.Errorf("weights cannot be kept as %q", p.name)
		}
		*p.to = kinds[i].kind
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
