package vlm_test

import (
	"fmt"
	"os"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

// small puts a frozen model together from two random towers and adapts its decoder. Load reads one that is whole.
func small() (*vlm.Model, *vlm.Processor, error) {
	model, processor, err := vlm.Open(vlm.Spec{Towers: vlm.Towers{Vision: "../stages/testdata/tiny/vision",
		Language: "../stages/testdata/tiny/language", Projector: "mlp2x_gelu", FeatureLayers: []int{-2}, Strategy: "default"}}, vlm.Options{Random: true, Seed: 1})
	if err != nil {
		return nil, nil, err
	}
	model.Params.Freeze()
	err = model.AttachAdapters("language", moslora.Config{R: 4, Alpha: 8, Mixer: moslora.Kaiming}, 1)
	model.Adapters.Train(true)
	return model, processor, err
}

// sample is a question about a picture and its answer, as it is stored.
func sample() (datasets.Sample, error) {
	picture, err := os.ReadFile("../../vision/preprocess/testdata/tiny.png")
	return datasets.Sample{
		Pictures: []datasets.Picture{{Bytes: picture}},
		Turns: []datasets.Turn{
			{From: datasets.Human, Value: "<image>\nwhat is it"},
			{From: datasets.GPT, Value: "a circle"},
		},
	}, err
}

// A sample with a picture gives a loss, and the adapters their gradients.
func Example() {
	model, processor, err := small()
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, err := sample()
	if err != nil {
		fmt.Println(err)
		return
	}
	example, err := processor.Encode(stored)
	if err != nil {
		fmt.Println(err)
		return
	}
	var batch datasets.Batch
	batch.Append(example)
	var tape autograd.Tape
	loss, sum, err := model.Loss(&tape, &batch)
	if err == nil {
		err = tape.Backward(loss, 1/float32(batch.Targets()))
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d tokens, %d of them are learnt, loss %.1f\n", len(batch.IDs), batch.Targets(), sum)
	trained := 0
	for param := range model.Adapters.Params() {
		if param.Var().HasGrad() {
			trained++
		}
	}
	fmt.Printf("%d adapters, %d matrices with a gradient\n", model.Adapters.Len(), trained)
	// Output:
	// 26 tokens, 3 of them are learnt, loss 19.5
	// 14 adapters, 42 matrices with a gradient
}
