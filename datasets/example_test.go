package datasets_test

import (
	"context"
	"fmt"

	"moslava/datasets"
)

// bytewise is an encoder without a model: a byte is a token, and what gpt says is learnt. vlm.Processor is one of
// a model.
type bytewise struct{}

func (bytewise) Encode(s datasets.Sample) (e datasets.Example, err error) {
	for _, turn := range s.Turns {
		for _, b := range []byte(turn.Value) {
			label := int32(datasets.IgnoreIndex)
			if turn.From == datasets.GPT {
				label = int32(b)
			}
			e.IDs, e.Labels = append(e.IDs, int32(b)), append(e.Labels, label)
		}
	}
	return e, nil
}

// A source is opened, whatever form it is stored in, and read in batches whose order the seed decides.
func Example() {
	src, err := datasets.Open("testdata/hf-arrow/messages") // written by Hugging Face's save_to_disk
	if err != nil {
		fmt.Println(err)
		return
	}
	defer src.Close()
	fmt.Println(src.Len(), "conversations")
	opt := datasets.LoadOptions{Seed: 1, Epochs: 1, BatchSize: 5}
	for batch, err := range datasets.Load(context.Background(), src, bytewise{}, opt, datasets.Position{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.Len(), "sequences,", len(batch.IDs), "tokens,", batch.Targets(), "of them are learnt")
	}
	// Output:
	// 12 conversations
	// 5 sequences, 723 tokens, 389 of them are learnt
	// 5 sequences, 952 tokens, 487 of them are learnt
	// 2 sequences, 446 tokens, 220 of them are learnt
}
