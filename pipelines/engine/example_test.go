package engine_test

import (
	"context"
	"fmt"

	"moslava/language"
	"moslava/pipelines/engine"
	"moslava/pipelines/vlm"
)

// Two questions are answered together. The model is the demonstration's decoder, which has learnt to read lists. One
// with a vision tower takes Pictures as well.
func Example() {
	const dir = "../demo/towers/language"
	model, processor, err := vlm.Open(vlm.Spec{Dir: dir}, vlm.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := model.Freeze("f32"); err != nil {
		fmt.Println(err)
		return
	}
	var requests []engine.Request
	questions := []string{"say again\nteal, kim, squares, 8, ring", "eve: mint\ncal: navy\nhal: lilac\nwhat has cal"}
	for _, question := range questions {
		requests = append(requests, engine.Request{Messages: vlm.Turn(question, 0),
			Generation: language.Generation{MaxNew: 16, Stop: processor.StopIDs()}})
	}
	replies, err := engine.New(model, processor, engine.Limits{}).Do(context.Background(), requests)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, reply := range replies {
		fmt.Printf("%q\n", processor.Tokenizer.Decode(reply.IDs, true))
	}
	// Output:
	// " teal, kim, squares, 8, ring"
	// " navy"
}
