// Package convert turns model files of other programs into Hugging Face directories. It knows GGUF files of the LLaMA
// architecture: their keys, their names of tensors and their vocabularies. It computes nothing with a model. What
// changes numbers and has no place in such a directory is an error.
package convert

import (
	"errors"
	"fmt"
	"os"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/gguf"
)

// maxShard is how large a weights file becomes before it is split, as transformers has it.
const maxShard = 5 << 30

// GGUF writes the model of a GGUF file, of the architecture llama or qwen2, to dir as a directory that transformers loads: config.json,
// generation_config.json, tokenizer.json, tokenizer_config.json with the chat template, and the weights, dequantised.
// dir must not be there, or be empty, and is there whole or not at all.
//
// dtype is float32, float16 or bfloat16, or empty: then weights stay what they are if the file's matrices are all float16, or all
// bfloat16, and no other tensor loses anything by it; otherwise they become float32, which is what dequantisation gives
// (a scale of 11 bits times a number of up to 8, plus a minimum, is more than half precision holds).
//
// A key or tensor that changes numbers and has no place in transformers' LlamaForCausalLM or Qwen2ForCausalLM is an error that names it.
func GGUF(path, dir string, dtype string) (err error) {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	m, err := readLlama(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if m.dtype, err = m.storage(dtype); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text, err := readText(f, m.vocab)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	config, err := m.config(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := vacant(dir); err != nil {
		return err
	}
	return atomicfile.WriteDir(dir, func(tmp string) error {
		if err := checkpoint.Save(tmp, m.tensors(), maxShard, nil); err != nil {
			return err
		}
		if err := text.save(tmp, m.context); err != nil {
			return err
		}
		return checkpoint.WriteJSON(tmp, "config.json", config)
	})
}

// vacant makes sure that nothing is overwritten.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty", dir)
	}
	return err
}
