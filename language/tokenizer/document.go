package tokenizer

import (
	"bytes"
	"fmt"
)

type object = map[string]any

// document is a tokenizer.json to be written, its fields in the order in which the library has them.
type document struct {
	Version       string       `json:"version"`
	Truncation    any          `json:"truncation"`
	Padding       any          `json:"padding"`
	Added         []AddedToken `json:"added_tokens"`
	Normalizer    any          `json:"normalizer"`
	PreTokenizer  any          `json:"pre_tokenizer"`
	PostProcessor any          `json:"post_processor"`
	Decoder       object       `json:"decoder"`
	Model         struct {
		Type         string       `json:"type"`
		Dropout      any          `json:"dropout"`
		UnkToken     any          `json:"unk_token"`
		Prefix       string       `json:"continuing_subword_prefix"`
		Suffix       string       `json:"end_of_word_suffix"`
		FuseUnk      bool         `json:"fuse_unk"`
		ByteFallback bool         `json:"byte_fallback"`
		IgnoreMerges bool         `json:"ignore_merges"`
		Vocab        orderedVocab `json:"vocab"`
		Merges       any          `json:"merges"` // ["a b", ...] or [["a", "b"], ...]
	} `json:"model"`
}

func (d *document) json() ([]byte, error) {
	d.Version, d.Model.Type = "1.0", "BPE"
	b, err := marshalPlain(d, "")
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return append(b, '\n'), nil
}

// orderedVocab is written as an object whose keys are in the order of their ids.
type orderedVocab []string

// MarshalJSON writes {"token": id, ...}.
func (v orderedVocab) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for id, token := range v {
		key, err := marshalPlain(token, "")
		if err != nil {
			return nil, err
		}
		if id > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%d", key, id)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
