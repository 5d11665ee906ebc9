// Package projector maps image features to the decoder's embedding space, under the names and with the numbers of transformers'
// connectors (5.23).
package projector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"moslava/internal/autograd"
	"moslava/internal/nn"
)

// Config shapes a projector.
type Config struct {
	Type    string // one of Types
	In, Out int    // widths of what the first linear layer reads and of the embeddings
	Act     string // MLP: projector_hidden_act
	Bias    bool   // MLP and Linear: multimodal_projector_bias
	Scale   int    // Shuffle: how many patches along a side become one token
}

// The types of projectors.
const (
	MLP     = "mlp2x_gelu"    // LLaVA-1.5: two linear layers with an activation between them
	Linear  = "linear"        // LLaVA: one linear layer
	Shuffle = "pixel_shuffle" // Idefics3 and SmolVLM
)

// connector is what a type of projector computes.
type connector interface {
	// forward maps features of pictures of h x w patches, laid end to end.
	forward(t *autograd.Tape, x *autograd.Var, h, w int) *autograd.Var
}

// types are all types. To add one, write its constructor in a file of its own and name it here.
var types = map[string]func(*nn.Scope, Config) connector{
	MLP:     func(s *nn.Scope, cfg Config) connector { return newMLP(s, cfg) },
	Linear:  func(s *nn.Scope, cfg Config) connector { return newLinear(s, cfg) },
	Shuffle: func(s *nn.Scope, cfg Config) connector { return newShuffle(s, cfg) },
}

// Types are the types of projectors, sorted.
func Types() []string { return slices.Sorted(maps.Keys(types)) }

// Projector maps features to embeddings.
type Projector struct {
	Config    Config
	connector connector
}

// New declares a projector.
func New(s *nn.Scope, cfg Config) *Projector {
	build, ok := types[cfg.Type]
	if !ok {
		s.Fail(fmt.Errorf("projector type %q; implemented are %s", cfg.Type, strings.Join(Types(), ", ")))
		return nil
	}
	return &Projector{cfg, build(s, cfg)}
}

// Forward maps features [n, D] of pictures of h x w patches, laid end to end, to embeddings [tokens, Out].
func (p *Projector) Forward(t *autograd.Tape, x *autograd.Var, h, w int) *autograd.Var {
	return p.connector.forward(t, x, h, w)
}

// Tokens is how many embeddings the features of a picture of h x w patches become, n features in all.
func (c *Config) Tokens(n, h, w int) int {
	if c.Type == Shuffle {
		return h / c.Scale * (w / c.Scale)
	}
	return n
}
