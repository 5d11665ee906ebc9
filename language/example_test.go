package language_test

import (
	"context"
	"fmt"
	"os"

	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/language"
)

// load reads a decoder from a Hugging Face directory.
func load(dir string) (*language.Decoder, error) {
	raw, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		return nil, err
	}
	cfg, err := language.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	weights, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	defer weights.Close()
	decoder, _, err := nn.Build(nn.From(weights), func(s *nn.Scope) *language.Decoder { return language.New(s, cfg) })
	return decoder, err
}

// A prompt is read into a slot of a cache and continued from there.
func Example() {
	decoder, err := load("testdata/llama-tiny")
	if err != nil {
		fmt.Println(err)
		return
	}
	prompt, most := []int32{1, 15, 7}, 5
	cache := decoder.NewCache(1, len(prompt)+most)
	slot := cache.Open(len(prompt) + most)
	hidden, err := decoder.Extend(cache, []language.Chunk{{Slot: slot, X: decoder.Embed.Forward(nil, prompt)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, err := decoder.Generate(context.Background(), cache, []int{slot}, hidden, language.Generation{MaxNew: most})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(decoder.Logits(hidden).Shape(), ids[0])
	// Output:
	// [1 160] [80 36 118 158 145]
}
