package projector

import (
	"fmt"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// mlp is transformers' LlavaMultiModalProjector (5.23), or its first layer alone.
type mlp struct {
	act    kernels.Act
	first  *nn.Linear
	second *nn.Linear // or nil
}

func newMLP(s *nn.Scope, cfg Config) *mlp {
	var p mlp
	var err error
	if p.act, err = kernels.ParseAct(cfg.Act); err != nil {
		s.Fail(fmt.Errorf("projector_hidden_act: %w", err))
	}
	p.first = linear(s, "linear_1", cfg.In, cfg.Out, cfg.Bias)
	p.second = linear(s, "linear_2", cfg.Out, cfg.Out, cfg.Bias)
	return &p
}

func newLinear(s *nn.Scope, cfg Config) *mlp {
	return &mlp{first: linear(s, "linear_1", cfg.In, cfg.Out, cfg.Bias)}
}

func linear(s *nn.Scope, name string, in, out int, bias bool) *nn.Linear {
	if bias {
		return s.Linear(name, in, out)
	}
	return s.LinearNoBias(name, in, out)
}

func (p *mlp) forward(t *autograd.Tape, x *autograd.Var, _, _ int) *autograd.Var {
	x = p.first.Forward(t, x)
	if p.second == nil {
		return x
	}
	return nn.Linears(t, autograd.LazyActivate(p.act, x), p.second)[0]
}
