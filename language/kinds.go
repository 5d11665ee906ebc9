package language

import (
	"slices"

	"moslava/internal/hfconfig"
)

// A kind is one type of decoder and all that is particular to it. Nothing outside of its row asks what type a decoder is.
//
// To add one, write its row in a file of its own and name it in kinds. What the block cannot compute yet is a field of Config
// that the row sets and the block reads; rows of other types stay as they are.
type kind struct {
	name     string           // model_type
	defaults Config           // of fields that a config.json leaves out, as transformers has them
	window   int              // default of sliding_window; 0: none
	refused  hfconfig.Neutral // refused, and what this type reads and another, with the same checkpoint, would pass over
	derive   func(*Config)    // sets fields that follow from others; nil: none do

	biases func(*Config) biases            // nil: there are none
	gives  []biasField                     // fields of config.json that give layers a bias
	slides func(c *Config, layer int) bool // whether a layer has the window where layer_types is not given; nil: none has
	free   bool                            // layer_types may say otherwise
	// unturned says that there are layers whose queries and keys positions do not turn, see Config.NoRopeLayers.
	unturned bool
	theta    float64  // default of rope_theta; 0: 10000
	ropes    []string // rope types beside default
	names    Names
	// fused says how the rows of one matrix for queries, keys and values are laid out, see split; nil: there are three matrices.
	fused func(*Config) (groups, q, kv int)
}

// biases say which linears of a block have one.
type biases struct {
	qkv, out, mlp bool
}

// A biasField gives all layers whose names have part a bias.
type biasField struct {
	part, name string
	set        func(*Config)
}

// kinds are all types of decoders. The first is that of a config.json that names none.
var kinds = []*kind{llama, mistral, qwen2, qwen3, smollm3, internlm2}

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
	}
	slices.Sort(all)
	return all
}
