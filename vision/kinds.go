package vision

import (
	"slices"

	"moslava/internal/nn"
)

// A kind is one type of tower and all that is particular to it. Nothing outside of its row asks what type a tower is.
//
// To add one, write its row and its constructor in a file of their own and name the row in kinds.
type kind struct {
	name     string        // model_type of the tower by itself
	whole    string        // model_type of a model that has the tower as its vision_config; empty: none
	near     nearby        // types that are easily taken for this one
	defaults Config        // of fields that a config.json leaves out, as transformers has them
	derive   func(*Config) // sets fields that follow from others; nil: none do
	build    func(*nn.Scope, Config) *Tower

	class         bool                      // there is a class token in front of the patches
	registers     bool                      // num_register_tokens counts
	interpolates  bool                      // transformers' model takes pictures of any size without being asked to
	interpolation func(in, out int) [][]tap // along each side of the position table, for pictures of another size
	buckets       func(side, n int) []int32 // or rows of the table for n patches along a side, at every size

	names      names
	bare       bool    // files of the tower by itself leave names.level out, too
	lastNormed bool    // transformers' last_hidden_state has passed the norm behind the last block
	pooled     Pooling // what its pooler_output is
}

// nearby says of model types that are not implemented how they differ from one that is.
type nearby map[string]string

// names are those of a tower's parameters and modules in published checkpoints, without the prefix that a whole model puts in
// front and without level.
type names struct {
	level     string   // what all begin with in published checkpoints and transformers 5 leaves out; empty: nothing
	wraps     []string // prefixes under which a file of its own may hold the tower
	renamed   []rename // pieces of module paths that are others in transformers' memory
	positions string   // the position table
	blocks    string   // what comes before a block's number
	norm      string   // the norm behind the last block, which no hidden state has passed
	unread    []string // modules and parameters that take part in nothing
	past      []string // what files hold of the tower, no hidden state depends on, and is not kept
}

type rename struct{ published, memory string }

// Outputs say what transformers' model returns beside its hidden states.
type Outputs struct {
	Norm   string  // module of the norm behind the last block
	Normed bool    // last_hidden_state has passed that norm
	Pooled Pooling // what pooler_output is
}

// Pooling is how a tower sums a picture up.
type Pooling int

// The poolings that towers have.
const (
	PoolClass     Pooling = iota // the class token, normed
	PoolAttention                // SigLIP's head: a learnt query attends to the normed tokens, and an MLP follows
)

// kinds are all types of towers. The first is that of a config.json that names none.
var kinds = []*kind{clip, siglip, dinov2, dinov2Registers, idefics3, smolvlm}

// kindNamed finds a type by its model_type.
func kindNamed(name string) (*kind, bool) {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
	if i < 0 {
		return nil, false
	}
	return kinds[i], true
}

// ModelTypes are the model types that ParseConfig reads, sorted.
func ModelTypes() (all []string) {
	for _, k := range kinds {
		all = append(all, k.name)
		if k.whole != "" {
			all = append(all, k.whole)
		}
	}
	slices.Sort(all)
	return all
}

// hint says more about a model type that is often met and not implemented.
func hint(name string) string {
	for _, k := range kinds {
		if s := k.near[name]; s != "" {
			return " (" + s + ")"
		}
	}
	return ""
}
