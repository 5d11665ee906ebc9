package moslora_test

import (
	"fmt"
	"math"

	"moslava/internal/autograd"
	"moslava/internal/nn"
	"moslava/moslora"
)

// Adapters with a mixer are hung on a frozen model. Fresh ones change nothing; merged ones are part of the weights.
func Example() {
	model := func(s *nn.Scope) *nn.Linear { return s.In("block").Linear("q_proj", 8, 6) }
	layer, params, err := nn.Build(nn.Random(1), model)
	if err != nil {
		fmt.Println(err)
		return
	}
	params.Freeze()
	x := autograd.New([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 1, 8)
	output := func() float32 { return layer.Forward(nil, x).Floats()[0] }
	before := output()

	var adapters moslora.Set
	cfg := moslora.Config{R: 2, Alpha: 4, Mixer: moslora.Orthogonal, Targets: []string{"q_proj"}}
	everywhere := func(string) bool { return true }
	if err := adapters.Attach(params, everywhere, cfg, nn.Random(2)); err != nil {
		fmt.Println(err)
		return
	}
	for a := range adapters.All() {
		fmt.Println(a.Module, "A", a.A.Shape, "M", a.M.Shape, "B", a.B.Shape)
		fmt.Println("fresh: the output changes:", output() != before)
		a.B.Floats()[0] = 1 // training moves B away from zero
	}
	trained := output()
	fmt.Println("trained: the output changes:", trained != before)
	adapters.Merge(params)
	same := math.Abs(float64(output()-trained)) < 1e-5
	fmt.Printf("merged: %d adapters, the same output to rounding: %t\n", adapters.Len(), same)
	// Output:
	// block.q_proj A [2 8] M [2 2] B [6 2]
	// fresh: the output changes: false
	// trained: the output changes: true
	// merged: 0 adapters, the same output to rounding: true
}
