package preprocess_test

import (
	"fmt"
	"os"

	"moslava/vision/preprocess"
)

// A picture becomes pixels as CLIP ViT-L/14-336 was trained on. Load reads the settings of other models from their
// directories.
func Example() {
	processor, err := preprocess.Parse([]byte(`{"image_processor_type": "CLIPImageProcessor",
		"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	encoded, err := os.ReadFile("testdata/photo.png")
	if err != nil {
		fmt.Println(err)
		return
	}
	// LLaVA-1.5 pads to a square, so that nothing is cut off.
	pixels, h, w, err := processor.WithPadToSquare().ApplyBytes(encoded)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("[3, %d, %d], %d numbers, in the middle %.4f\n", h, w, len(pixels), pixels[h/2*w+w/2])
	// Output:
	// [3, 336, 336], 338688 numbers, in the middle 1.4048
}
