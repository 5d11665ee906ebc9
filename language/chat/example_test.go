package chat_test

import (
	"fmt"

	"moslava/language/chat"
	"moslava/language/tokenizer"
)

// A conversation about a picture becomes ids and labels: what the assistant says is learnt, with the token that ends
// its turn.
func Example() {
	tok, err := tokenizer.Open("../tokenizer/testdata/bytelevel.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	template, err := chat.Named("chatml") // Load reads a model's own
	if err != nil {
		fmt.Println(err)
		return
	}
	image, _ := tok.ID("<image>")
	encoded, err := template.Encode(tok, []chat.Message{
		{Role: "user", Content: chat.ImageMarker + "\nWhat is it?"}, // three patches
		{Role: "assistant", Content: "A cat."},
	}, chat.Options{ImageToken: "<image>", Images: [][]int32{{image, image, image}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var learnt []int32
	for _, label := range encoded.Labels {
		if label != chat.IgnoreIndex {
			learnt = append(learnt, label)
		}
	}
	fmt.Printf("read:   %q\n", tok.Decode(encoded.IDs, false))
	fmt.Printf("learnt: %q\n", tok.Decode(learnt, false))
	// Output:
	// read:   "<|im_start|>user\n<image><image><image>\nWhat is it?<|im_end|>\n<|im_start|>assistant\nA cat.<|im_end|>\n"
	// learnt: "A cat.<|im_end|>"
}
