package tokenizer_test

import (
	"fmt"

	"moslava/language/tokenizer"
)

// Text becomes ids and ids become text.
func Example() {
	tok, err := tokenizer.Open("testdata/spm_prepend.json") // or a model's directory
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, err := tok.Encode("The cat sat.", true)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range ids {
		fmt.Printf("%d %q\n", id, tok.Token(id))
	}
	fmt.Printf("%q\n", tok.Decode(ids, true))
	// Output:
	// 1 "<s>"
	// 362 "▁The"
	// 435 "▁c"
	// 316 "a"
	// 335 "t"
	// 449 "▁s"
	// 316 "a"
	// 335 "t"
	// 271 "."
	// "The cat sat."
}

// While a model generates, a stream gives the text of each id as soon as its characters are whole.
func ExampleTokenizer_Stream() {
	tok, err := tokenizer.Open("testdata/bytelevel.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, err := tok.Encode("eine Tür", false)
	if err != nil {
		fmt.Println(err)
		return
	}
	stream := tok.Stream()
	for _, id := range ids {
		fmt.Printf("%q ", stream.Next(id))
	}
	fmt.Printf("%q\n", stream.Flush())
	// Output:
	// "e" "in" "e" " " "T" "" "ü" "r" ""
}
