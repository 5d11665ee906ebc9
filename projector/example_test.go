package projector_test

import (
	"fmt"

	"moslava/internal/autograd"
	"moslava/internal/nn"
	"moslava/projector"
)

// LLaVA-1.5's projector maps each patch by itself from the width of the tower to that of the decoder.
func Example() {
	cfg := projector.Config{Type: projector.MLP, In: 12, Out: 20, Act: "gelu", Bias: true}
	p, params, err := nn.Build(nn.Random(1), func(s *nn.Scope) *projector.Projector { return projector.New(s, cfg) })
	if err != nil {
		fmt.Println(err)
		return
	}
	const h, w = 4, 4 // patches of a picture
	features := autograd.New(make([]float32, h*w*cfg.In), h*w, cfg.In)
	fmt.Println(features.Shape(), "becomes", p.Forward(nil, features, h, w).Shape())
	for param := range params.All() {
		fmt.Println(param.Name, param.Shape)
	}
	// Output:
	// [16 12] becomes [16 20]
	// linear_1.weight [20 12]
	// linear_1.bias [20]
	// linear_2.weight [20 20]
	// linear_2.bias [20]
}
