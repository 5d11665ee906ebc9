package datasets

import (
	"errors"
	"fmt"
)

// instruct is the text that LLM-Adapters (finetune.py, generate_prompt) trains on, byte for byte: two spaces at the end of its first line, and
// sixteen at the start of others and before the answer, which its prompts for evaluation do not all have.
func (r *jsonRow) instruct() (string, error) {
	switch {
	case r.Output == nil:
		return "", errors.New("there is an instruction and no output")
	case r.Input != nil && *r.Input != "":
		return "", fmt.Errorf("input is %.60q, expected none: the form with an input is not implemented", *r.Input)
	case r.Conversations != nil || r.Messages != nil || r.Image != nil || r.Images != nil || r.System != nil:
		return "", errors.New("an instruction stands beside conversations, messages, system or pictures, expected one form")
	case *r.Instruction == "":
		return "", errors.New("the instruction is empty")
	}
	return "Below is an instruction that describes a task. Write a response that appropriately completes the request.  \n\n" +
		"                ### Instruction:\n                " + *r.Instruction + "\n                \n" +
		"                ### Response:\n                " + *r.Output, nil
}
