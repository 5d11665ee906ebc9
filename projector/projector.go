// Package projector maps image features to the decoder's embedding space, under the names and with
// the numbers of transformers' LlavaMultiModalProjector (5.23).
package projector

import (
	"fmt"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// Config shapes a projector.
type Config struct {
	Type    string // "mlp2x_gelu" (LLaVA-1.5) or "linear" (LLaVA)
	In, Out int    // widths of the features and of the embeddings
	Act     string // projector_hidden_act
	Bias    bool   // multimodal_projector_bias
}

// Projector is one or two linear layers with an activation between them.
type Projector struct {
	Config Config
	act    kernels.Act
	first  *nn.Linear
	second *nn.Linear // nil for "linear"
}

// New declares a projector: linear_1, and linear_2 unless it is linear.
func New(s *nn.Scope, cfg Config) *Projector {
	p := &Projector{Config: cfg}
	linear := s.Linear
	if !cfg.Bias {
		linear = s.LinearNoBias
	}
	switch cfg.Type {
	case "linear":
		p.first = linear("linear_1", cfg.In, cfg.Out)
	case "mlp2x_gelu":
		var err error
		if p.act, err = kernels.ParseAct(cfg.Act); err != nil {
			s.Fail(fmt.Errorf("projector_hidden_act: %w", err))
		}
		p.first = linear("linear_1", cfg.In, cfg.Out)
		p.second = linear("linear_2", cfg.Out, cfg.Out)
	default:
		s.Fail(fmt.Errorf("projector type %q; implemented are mlp2x_gelu and linear", cfg.Type))
	}
	return p
}

// Forward maps features [n, In] to [n, Out].
func (p *Projector) Forward(t *autograd.Tape, x *autograd.Var) *autograd.Var {
	x = p.first.Forward(t, x)
	if p.second == nil {
		return x
	}
	return nn.Linears(t, autograd.LazyActivate(p.act, x), p.second)[0]
}
