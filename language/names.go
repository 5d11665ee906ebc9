package language

import (
	"slices"
	"strings"
)

// Names are the parts of a decoder in published checkpoints: Embed below model, Head at the top and all others below
// model.layers.N.
type Names struct {
	Embed, Head    string
	Norm1, Norm2   string
	Q, K, V        string // empty if there is QKV
	QKV            string
	QNorm, KNorm   string // norms of each head's queries and keys before positions turn them; empty: none
	O              string
	Gate, Up, Down string
}

// Names of a configuration's decoder.
func (c *Config) Names() Names { return c.kind.names }

// Stored lists other names under which files of a decoder by itself hold a parameter, given by its published name: those
// saved without the head have no level above embeddings and blocks.
func (c *Config) Stored(published string) []string {
	if bare, ok := strings.CutPrefix(published, "model."); ok {
		return []string{bare}
	}
	return nil
}

// ReadsPast reports whether a tensor of published checkpoints has no effect and is not kept: the output layer of a decoder with
// tied embeddings.
func (c *Config) ReadsPast(name string) bool {
	return c.TieWordEmbeddings && hasTable(name, c.kind.names.Head)
}

// WritesResidual reports whether a parameter, given by its name below the block, is of a linear that adds to the residual stream.
func (c *Config) WritesResidual(name string) bool {
	n := &c.kind.names
	return strings.HasPrefix(name, n.O+".") || strings.HasPrefix(name, n.Down+".")
}

// IsEmbedding recognises the vocabulary's table of a decoder of any type by the end of its name.
func IsEmbedding(name string) bool {
	return slices.ContainsFunc(kinds, func(k *kind) bool { return hasTable(name, k.names.Embed) })
}

// IsHead is IsEmbedding for output layers of their own.
func IsHead(name string) bool {
	return slices.ContainsFunc(kinds, func(k *kind) bool { return hasTable(name, k.names.Head) })
}

// hasTable reports whether name is the weight of the module table, at any depth.
func hasTable(name, table string) bool {
	rest, ok := strings.CutSuffix(name, table+".weight")
	return ok && (rest == "" || rest[len(rest)-1] == '.')
}
