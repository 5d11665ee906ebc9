// Command tokenizer prints a tokenizer.json for tiny towers, learnt from the texts of drawn scenes:
//
//	go run ./scripts/recipes/tiny/tokenizer > scripts/recipes/tiny/language/tokenizer.json
//
// The towers in the program keep the one they were trained with, of commit 9138b56: the texts of tuning have changed since, and with them
// the ids. A new vocabulary takes a new pre-training.
package main

import (
	"fmt"
	"iter"
	"os"

	"moslava/datasets"
	"moslava/datasets/scenes"
	"moslava/language/tokenizer"
)

const (
	vocabulary = 1024 // at most: there are fewer words
	samples    = 4000 // of each stage
)

func main() {
	b, err := tokenizer.TrainByteLevelBPE(texts(), vocabulary, []string{"<|user|>", "<|assistant|>", "<|end|>"}, tokenizer.Everywhere)
	if err == nil {
		_, err = os.Stdout.Write(b)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tokenizer:", err)
		os.Exit(1)
	}
}

// texts are the turns of every stage that the towers meet, the one with questions in letters included.
func texts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, stage := range []iter.Seq[datasets.Sample]{scenes.Pretrain(samples, 1), scenes.Align(samples, 1), scenes.Tune(samples, 1)} {
			for s := range stage {
				for _, t := range s.Turns {
					if !yield(t.Value) {
						return
					}
				}
			}
		}
	}
}
