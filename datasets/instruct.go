package datasets

import (
	"errors"
	"fmt"
)

var errNoInstruction = errors.New("no instruction, which the format llm-adapters has")

// instruct is the text that LLM-Adapters (finetune.py, generate_prompt) trains on, byte for byte: two spaces at the end of its first line, and
// sixteen at the start of others and before the answer, which its prompts for evaluation do not all have.
func instruct(o *object) (string, error) {
	for _, k := range []string{"conversations", "messages", "system", "image", "images", "history", "texts", "query", "prompt", "question"} {
		if o.has(k) {
			return "", fmt.Errorf("%s stands beside an instruction in the format llm-adapters, expected one form", k)
		}
	}
	switch {
	case o.get("instruction") == nil:
		return "", errNoInstruction
	case o.get("output") == nil:
		return "", errors.New("there is an instruction and no output")
	case o.has("input"):
		return "", fmt.Errorf("input is %s, expected none: LLM-Adapters' form with an input is not implemented", found(o.get("input")))
	case !o.has("instruction"):
		return "", errors.New("the instruction is empty")
	}
	ask, err := asText("instruction", o.get("instruction"))
	if err != nil {
		return "", err
	}
	say, err := asText("output", o.get("output"))
	if err != nil {
		return "", err
	}
	return "Below is an instruction that describes a task. Write a response that appropriately completes the request.  \n\n" +
		"                ### Instruction:\n                " + ask + "\n                \n" +
		"                ### Response:\n                " + say, nil
}
