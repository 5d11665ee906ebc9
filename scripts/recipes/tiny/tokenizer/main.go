// Command tokenizer prints a tokenizer.json for tiny models, learnt from the texts of drawn scenes:
//
//	go run ./scripts/recipes/tiny/tokenizer > scripts/recipes/tiny/language/tokenizer.json
//	go run ./scripts/recipes/tiny/tokenizer smolvlm > scripts/recipes/smolvlm-tiny/tokenizer.json
//
// The towers in the program keep the one they were trained with, of commit 9138b56: the texts of tuning have changed
// since, and with them the ids. A new vocabulary takes a new pre-training.
package main

import (
	"fmt"
	"iter"
	"os"

	"moslava/datasets"
	"moslava/language/tokenizer"
	"moslava/pipelines/demo/scenes"
)

const (
	vocabulary = 1024 // at most: there are fewer words
	samples    = 4000 // of each stage
)

// kinds are the tokenizers that there are: special tokens, and where spaces are put.
var kinds = map[string]struct {
	special []string
	spaces  tokenizer.Spacing
}{
	"tiny": {[]string{"<|user|>", "<|assistant|>", "<|end|>"}, tokenizer.Everywhere},
	"smolvlm": {[]string{"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<row_1_col_1>", "<row_1_col_2>", "<row_2_col_1>",
		"<row_2_col_2>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"}, tokenizer.AsWritten},
}

func main() {
	name := "tiny"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	if err := run(name); err != nil {
		fmt.Fprintln(os.Stderr, "tokenizer:", err)
		os.Exit(1)
	}
}

func run(name string) error {
	kind, ok := kinds[name]
	if !ok {
		return fmt.Errorf("found %s, want tiny or smolvlm", name)
	}
	b, err := tokenizer.TrainByteLevelBPE(texts(), vocabulary, kind.special, kind.spaces)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(b)
	return err
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
