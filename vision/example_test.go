package vision_test

import (
	"fmt"
	"os"

	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/vision"
)

// A tower is read from a Hugging Face directory. LLaVA takes the patches that leave the last block but one.
func Example() {
	const dir = "testdata/clip-tiny"
	raw, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg, err := vision.ParseConfig(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	weights, err := checkpoint.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer weights.Close()
	tower, _, err := nn.Build(nn.From(weights), func(s *nn.Scope) *vision.Tower { return vision.New(s, cfg) })
	if err != nil {
		fmt.Println(err)
		return
	}
	side := cfg.ImageSize
	picture := make([]float32, 3*side*side) // normalised: vision/preprocess makes it of a file
	features, err := tower.Features(nil, [][]float32{picture}, side, side, vision.Selection{Layers: []int{-2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d x %d pixels: features %v\n", side, side, features.Shape())
	// Output:
	// 56 x 56 pixels: features [16 64]
}
